"""Waiting for a version: bounded, in small steps."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from functions.common.errors import NotYetProjected
from functions.common.freshness import LONGEST_STEP_S, read_at_least


@dataclass
class View:
    version: int


class Clock:
    """Time passes only by sleeping; the view gets its version at a moment."""

    def __init__(self, arrives_at: float) -> None:
        self.now = 100.0
        self.steps: list[float] = []
        self._arrives_at = 100.0 + arrives_at

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.steps.append(seconds)
        self.now += seconds

    def read(self) -> View | None:
        return View(5) if self.now >= self._arrives_at else None


def _read(clock: Clock, min_version: int | None, wait_ms: int) -> View | None:
    return read_at_least(clock.read, min_version, wait_ms, clock=clock, sleep=clock.sleep)


def test_a_late_version_is_waited_for_in_small_steps() -> None:
    clock = Clock(arrives_at=0.3)
    assert _read(clock, 5, 1000) == View(5)
    assert 0.3 <= clock.now - 100 <= 0.3 + LONGEST_STEP_S
    assert max(clock.steps) <= LONGEST_STEP_S
    assert clock.steps[0] <= 0.01


def test_waiting_ends_at_its_bound() -> None:
    clock = Clock(arrives_at=9)
    with pytest.raises(NotYetProjected):
        _read(clock, 5, 200)
    assert clock.now - 100 == pytest.approx(0.2)


def test_the_last_look_is_at_the_bound_itself() -> None:
    assert _read(Clock(arrives_at=0.19999), 5, 200) == View(5)


def test_without_a_version_nothing_is_waited_for() -> None:
    clock = Clock(arrives_at=9)
    assert _read(clock, None, 1000) is None
    assert clock.steps == []


def test_version_0_waits_until_something_is_there() -> None:
    clock = Clock(arrives_at=0.1)
    assert _read(clock, 0, 1000) == View(5)
    with pytest.raises(NotYetProjected):
        _read(Clock(arrives_at=9), 0, 200)
