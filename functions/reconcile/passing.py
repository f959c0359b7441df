"""The scheduled pass: compares all clients, then looks for orphans, evenly, and goes on next time where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from functions.reconcile.compare import Compared, Comparison, Drift
from functions.reconcile.models import ReadModel

CLIENTS, ORPHANS = "pass-clients", "pass-orphans"


@dataclass
class Passed:
    """What one run found. `complete` if it came to the end, not to the end of its time."""

    clients: int = 0
    behind: int = 0
    moving: int = 0
    drifts: list[Drift] = field(default_factory=list)
    complete: bool = False


@dataclass(frozen=True)
class Pace:
    """Clients of a page, and clients a second."""

    page: int
    per_second: int


def walk(
    comparison: Comparison,
    positions: ReadModel,
    pace: Pace,
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None],
    reserve: float,
) -> Passed:
    """Compare from where the last run stopped, until all is done or less than `reserve` seconds are left.

    Raises DatabaseError, CacheUnavailable; the pages until then are behind it.
    """
    passed = Passed()
    orphans = positions.position(ORPHANS)
    if orphans is None:
        after: int | None = int(positions.position(CLIENTS) or 0)
        while after is not None:
            if seconds_left() <= reserve:
                return passed
            started = seconds_left()
            compared = comparison.page(after, pace.page)
            _add(passed, compared)
            after = compared.next
            positions.keep_position(CLIENTS, None if after is None else str(after))
            if after is not None:
                took = started - seconds_left()
                sleep(max(min(compared.clients / pace.per_second - took, seconds_left() - reserve), 0.0))
        orphans = "0"
        positions.keep_position(ORPHANS, orphans)
    while orphans is not None:
        if seconds_left() <= reserve:
            return passed
        compared = comparison.orphans(orphans)
        _add(passed, compared)
        orphans = compared.next
        positions.keep_position(ORPHANS, orphans)
    passed.complete = True
    return passed


def _add(passed: Passed, compared: Compared) -> None:
    passed.clients += compared.clients
    passed.behind += len(compared.behind)
    passed.moving += compared.moving
    passed.drifts += compared.drifts
