"""What a zip was made of, so that it need not be looked into again while none of that has changed.

Finding the modules that a handler reaches and compiling them takes most of a second for all functions, and a program
runs twice for each `pulumi up`. The stamp lists our own files by their content; the packages are named by their lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

Stamp = Mapping[str, str]


def stamp(paths: Iterable[Path], root: Path, **about: str) -> Stamp:
    """Describe files by their content, and what else the zip follows from; how zips are made is part of that."""
    files = {path.relative_to(root).as_posix(): _digest(path) for path in paths}
    return {**files, **{f"#{name}": value for name, value in about.items()}, "#made by": _builder()}


def is_fresh(target: Path, comment: bytes | None, data: Iterable[Path], root: Path, **about: str) -> bool:
    """Tell whether a zip is still what would be built.

    Args:
        target: the zip.
        comment: its comment, by which the stamp knows it; None if there is no such zip.
        data: the lock and the data files that would go in now: one of them may be new.
        root: the repository.
        about: what else the zip follows from.
    """
    try:
        found = json.loads(_beside(target).read_text("utf-8"))
        if comment is None or found["zip"] != comment.decode():
            return False
        known: Stamp = found["made_of"]
        paths = [root / name for name in known if not name.startswith("#")]
        return known == stamp({*paths, *data}, root, **about)
    except (OSError, ValueError, KeyError):
        return False  # no stamp, or a file of then is no more


def write(target: Path, comment: bytes, made_of: Stamp) -> None:
    """Note what a zip was made of."""
    _beside(target).write_text(json.dumps({"zip": comment.decode(), "made_of": made_of}, indent=1), encoding="utf-8")


@cache
def _builder() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _beside(target: Path) -> Path:
    return target.with_suffix(".made-of.json")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
