"""What of our own code belongs to a function: the modules that its handler reaches by import, and its data files."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.packaging.errors import PackagingError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "functions"

_NOT_DATA_SUFFIXES = {".py", ".pyc", ".pyi"}
_NOT_DATA_NAMES = {"requirements.in", "requirements.txt"}


def folders(root: Path = ROOT) -> list[str]:
    """List the functions: the folders below `functions/` that have a handler."""
    return sorted(path.parent.name for path in root.glob(f"{PACKAGE}/*/handler.py"))


def modules(entry: Path, root: Path = ROOT) -> list[Path]:
    """List the files of our own that `entry` reaches by import, itself and the packages' `__init__.py` included.

    Raises:
        PackagingError: an import of `functions.…` names no module.
    """
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting.extend(_inits(path, root))
        for name in imports(path):
            waiting.extend(_module_files(name, path, root))
    return sorted(found)


def imports(path: Path) -> Iterator[str]:
    """Names that a module imports, wherever in it; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            # `from functions.common import events` names a module, not an attribute.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_data(folder: Path) -> list[Path]:
    """Files beside a handler that are neither code nor about its packages."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _NOT_DATA_SUFFIXES and path.name not in _NOT_DATA_NAMES
    ]


def named_data(names: Iterable[str], root: Path) -> Iterator[Path]:
    """The files that these names, relative to the root, stand for.

    Raises:
        PackagingError: there is no such file or folder.
    """
    for name in names:
        path = root / name
        if not path.exists():
            raise PackagingError(f"The data {name!r} to be packaged do not exist in {root}.")
        yield from (file for file in sorted([path, *path.rglob("*")]) if file.is_file() and file.suffix != ".pyc")


def _module_files(name: str, importer: Path, root: Path) -> list[Path]:
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    base = root.joinpath(*parts)
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return [candidate]
    if base.is_dir():
        return []
    parent = base.parent
    if parent.with_suffix(".py").is_file() or (parent / "__init__.py").is_file():
        return []  # an attribute of a module
    raise PackagingError(f"{importer.relative_to(root)} imports {name}, which does not exist.")


def _inits(path: Path, root: Path) -> list[Path]:
    parents = [folder for folder in path.parents if folder.is_relative_to(root / PACKAGE)]
    return [init for folder in parents if (init := folder / "__init__.py").is_file()]
