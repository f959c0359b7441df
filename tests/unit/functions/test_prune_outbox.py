"""Pruning without a database: batches by turns, an even pace, an end in time, and what is reported."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from functions.common.errors import DatabaseUnavailable, SettingsError
from functions.prune_outbox import handler
from functions.prune_outbox.prune import Pace, Pruned, State, prune

HEALTHY = State(slots=1, lost_slots=0, oldest_seconds=100, rows_overdue=0)
PACE = Pace(batch=100, per_second=200)


class Clock:
    """Time that passes only by sleeping and working."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.naps: list[float] = []

    def seconds_left(self) -> float:
        return self.left

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.left -= seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self.left * 1000)


class FakeOutbox:
    """Rows that are only counted; each batch takes `work` seconds."""

    def __init__(self, clock: Clock, events: int = 0, keys: int = 0, work: float = 0.0) -> None:
        self.clock, self.events, self.keys, self.work = clock, events, keys, work
        self.calls: list[str] = []
        self.fail_after: int | None = None

    def note_watermark(self) -> int:
        self.calls.append("watermark")
        return 1

    def prune_events(self, rows: int) -> int:
        self.calls.append("events")
        count = self._take(min(rows, self.events))
        self.events -= count
        return count

    def prune_keys(self, rows: int) -> int:
        self.calls.append("keys")
        count = self._take(min(rows, self.keys))
        self.keys -= count
        return count

    def state(self) -> State:
        return HEALTHY

    def _take(self, count: int) -> int:
        if self.fail_after is not None and len(self.calls) > self.fail_after:
            raise DatabaseUnavailable("gone")
        self.clock.left -= self.work
        return count


def run(outbox: FakeOutbox, reserve: float = 5.0) -> Pruned:
    return prune(outbox, PACE, outbox.clock.seconds_left, outbox.clock.sleep, reserve)


def test_a_watermark_comes_first_also_when_nothing_is_old() -> None:
    outbox = FakeOutbox(Clock(60))
    assert run(outbox) == Pruned(0, 0, complete=True)
    assert outbox.calls == ["watermark", "events", "keys"]


def test_events_and_keys_go_by_turns_until_nothing_is_left() -> None:
    outbox = FakeOutbox(Clock(60), events=250, keys=120)
    assert run(outbox) == Pruned(250, 120, complete=True)
    assert outbox.calls == ["watermark", "events", "keys", "events", "keys", "events"]


def test_a_full_batch_is_followed_by_what_the_pace_leaves() -> None:
    outbox = FakeOutbox(Clock(60), events=200, work=0.1)
    run(outbox)
    # 100 rows at 200 a second are half a second, of which the two batches of the round took 0.2 and the next one 0.1.
    assert outbox.clock.naps == pytest.approx([0.3, 0.4])


def test_slow_work_is_not_slowed_down_further() -> None:
    outbox = FakeOutbox(Clock(60), events=300, work=2.0)
    run(outbox)
    assert set(outbox.clock.naps) == {0.0}


@pytest.mark.parametrize("work", [0.0, 0.4])
def test_no_batch_begins_within_the_reserve(work: float) -> None:
    clock = Clock(20.2)
    outbox = FakeOutbox(clock, events=10**9, keys=10**9, work=work)
    pruned = run(outbox)
    assert not pruned.complete
    assert 5.0 - 2 * work <= round(clock.left, 6) <= 5.0
    assert pruned.events == pruned.keys > 0


def test_a_failure_comes_through_with_what_was_removed_before_it_gone() -> None:
    outbox = FakeOutbox(Clock(60), events=1000)
    outbox.fail_after = 3
    with pytest.raises(DatabaseUnavailable):
        run(outbox)
    assert outbox.events == 900


@pytest.fixture
def metrics_of(capsys: pytest.CaptureFixture[str]) -> Callable[[Pruned, State], dict[str, float]]:
    """Reports, and gives the metrics that were written."""

    def write(pruned: Pruned, state: State) -> dict[str, float]:
        capsys.readouterr()
        handler.report(pruned, state)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (document,) = [line for line in lines if "_aws" in line]
        names = [metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        return {name: document[name][0] for name in names}

    return write


def test_the_metrics_of_a_run(metrics_of: Callable[[Pruned, State], dict[str, float]]) -> None:
    found = metrics_of(Pruned(250, 120, complete=True), State(1, 0, 259_300, 7))
    assert found == {
        "EventsPruned": 250, "KeysPruned": 120, "OutboxOldestAge": 259_300, "OutboxOverdue": 7, "SlotMissing": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("slots", "lost", "missing"), [(1, 0, 0), (2, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)])
def test_no_slot_and_a_lost_slot_are_said_loudly(
    slots: int, lost: int, missing: int, metrics_of: Callable[[Pruned, State], dict[str, float]]
) -> None:
    assert metrics_of(Pruned(0, 0, complete=True), State(slots, lost, 0, 0))["SlotMissing"] == missing


def test_a_run_answers_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(100)
    outbox = FakeOutbox(clock, events=3)
    monkeypatch.setattr(handler, "outbox", lambda: outbox)
    monkeypatch.setattr(handler, "pace", lambda: PACE)
    assert handler.handle({}, clock) == {"events": 3, "keys": 0, "complete": True}


@pytest.mark.parametrize(
    ("hours", "keys", "named"),
    [("23", "24", "OUTBOX_HOURS"), ("", "24", "OUTBOX_HOURS"), ("72", "0", "IDEMPOTENCY_HOURS")],
)
def test_bounds_below_the_least_are_refused(hours: str, keys: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DATABASE_HOST": "h", "DATABASE_PORT": "5432", "DATABASE_NAME": "orders", "DATABASE_SSLMODE": "require",
        "DATABASE_USER": "maintenance", "DATABASE_AUTH": "iam", "OUTBOX_HOURS": hours, "IDEMPOTENCY_HOURS": keys,
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    handler.outbox.cache_clear()
    with pytest.raises(SettingsError, match=named):
        handler.outbox()
