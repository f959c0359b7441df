"""The drills by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drills.errors import UnknownDrill
from drills.scene import Scene


@dataclass(frozen=True)
class Drill:
    """One drill.

    Attributes:
        name: to run it alone.
        promise: what it holds the system to, for the report.
        run: does it; the invariants are checked afterwards.
    """

    name: str
    promise: str
    run: Callable[[Scene], None]


DRILLS: dict[str, Drill] = {}


def drill(name: str, promise: str) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Make a function a drill."""

    def register(run: Callable[[Scene], None]) -> Callable[[Scene], None]:
        if name in DRILLS:
            raise ValueError(f"There are two drills named {name}.")
        DRILLS[name] = Drill(name, promise, run)
        return run

    return register


def find(words: str) -> list[Drill]:
    """Give the drills of these names, with commas; a name may be the beginning of several.

    Raises:
        UnknownDrill: a name begins none.
    """
    found: list[Drill] = []
    for word in filter(None, (part.strip() for part in words.split(","))):
        matching = [DRILLS[word]] if word in DRILLS else [one for name, one in DRILLS.items() if name.startswith(word)]
        if not matching:
            raise UnknownDrill(f"There is no drill {word!r}; there are {', '.join(DRILLS)}.")
        found += [one for one in matching if one not in found]
    return found
