"""The command TakeHeartbeat: one event of its own goes the whole way, and how long it takes is measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

FIRST_STEP_S = 0.01
LONGEST_STEP_S = 0.25


@dataclass(frozen=True)
class Arrival:
    """The newest beat that the read model has; `lag_ms` is how long that one took from its commit."""

    beat: int
    lag_ms: int


@dataclass(frozen=True)
class Heartbeat:
    """What one run found. Beats are epoch microseconds of their commits.

    Attributes:
        beat: the one that it wrote.
        arrived: whether this beat, or a later one, is in the read model.
        newest: the newest beat there; 0 if there is none.
        lag_ms: how long the newest one took from commit to read model; if this beat is missing, for how long the
            oldest missing one is on its way (a day at most).
    """

    beat: int
    arrived: bool
    newest: int
    lag_ms: int


class Source(Protocol):
    """Where beats are written."""

    def take(self) -> int:
        """Write a beat and its event; gives the beat. Raises DatabaseError, DatabaseUnavailable."""
        ...

    def oldest_after(self, beat: int) -> int | None:
        """Milliseconds since the oldest beat after this one was written, None if there is none."""
        ...


class Target(Protocol):
    """Where beats arrive."""

    def newest(self) -> Arrival | None:
        """The newest beat that arrived, None if none ever did. Raises CacheUnavailable."""
        ...


def take_heartbeat(
    source: Source,
    target: Target,
    wait_ms: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Heartbeat:
    """Write a beat and wait for it, `wait_ms` at most.

    Raises DatabaseError, DatabaseUnavailable, CacheUnavailable.
    """
    beat = source.take()
    deadline = clock() + wait_ms / 1000
    step = FIRST_STEP_S
    while True:
        newest = target.newest()
        if newest is not None and newest.beat >= beat:
            return Heartbeat(beat, arrived=True, newest=newest.beat, lag_ms=newest.lag_ms)
        left = deadline - clock()
        if left <= 0:
            known = newest.beat if newest is not None else 0
            # One that arrived just now leaves none missing.
            return Heartbeat(beat, arrived=False, newest=known, lag_ms=source.oldest_after(known) or 0)
        sleep(min(step, left))
        step = min(step * 1.5, LONGEST_STEP_S)
