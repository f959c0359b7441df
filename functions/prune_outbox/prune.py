"""Removes old rows in small batches, evenly, until nothing is left or the time is up.

What is old, and what every slot has passed, the database decides (migrations/0007_pruning.sql). Here is how fast: the
deletion of an outbox row goes through change capture and the stream as an order does, so thousands at once would
hold up the orders behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class State:
    """How the outbox is.

    Attributes:
        slots: those that deliver the log.
        lost_slots: those whose log is gone.
        oldest_seconds: age of the oldest event; 0 if there is none.
        rows_overdue: events that are older than they need to be, counted up to 10,000.
    """

    slots: int
    lost_slots: int
    oldest_seconds: int
    rows_overdue: int


class Outbox(Protocol):
    """What pruning needs of the database; each call is a transaction of its own."""

    def note_watermark(self) -> int:
        """Note where the log is; gives the number of slots, and notes nothing if that is 0."""
        ...

    def prune_events(self, rows: int) -> int:
        """Remove up to `rows` events; fewer removed means that there are no more."""
        ...

    def prune_keys(self, rows: int) -> int:
        """Remove up to `rows` idempotency records; fewer removed means that there are no more."""
        ...

    def state(self) -> State:
        """How the outbox is now."""
        ...


@dataclass(frozen=True)
class Pace:
    """Most rows of a batch, and most rows a second."""

    batch: int
    per_second: int


@dataclass(frozen=True)
class Pruned:
    """What one run did. `complete` if it ended because nothing was left, not because its time was up."""

    events: int
    keys: int
    complete: bool


def prune(
    outbox: Outbox, pace: Pace, seconds_left: Callable[[], float], sleep: Callable[[float], None], reserve: float
) -> Pruned:
    """Note a watermark, then remove events and keys by turns.

    Args:
        outbox: the database.
        pace: bounds of one batch and of one second.
        seconds_left: how long this run may still take.
        sleep: waits a number of seconds.
        reserve: seconds that a run keeps for its last batches and its report; none begins within them.

    Raises DatabaseError, DatabaseUnavailable; what was removed before stays removed.
    """
    outbox.note_watermark()
    removed = {outbox.prune_events: 0, outbox.prune_keys: 0}
    left = list(removed)
    while left:
        started = seconds_left()
        if started <= reserve:
            return Pruned(removed[outbox.prune_events], removed[outbox.prune_keys], complete=False)
        counts = {remove: remove(pace.batch) for remove in left}
        for remove, count in counts.items():
            removed[remove] += count
        left = [remove for remove, count in counts.items() if count == pace.batch]
        if left:
            took = started - seconds_left()
            rest = max(counts.values()) / pace.per_second - took
            sleep(max(min(rest, seconds_left() - reserve), 0.0))
    return Pruned(removed[outbox.prune_events], removed[outbox.prune_keys], complete=True)
