"""A heartbeat without servers: waiting for the own beat, what the lag is, and what is reported."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from functions.common.errors import CacheUnavailable
from functions.heartbeat import handler
from functions.heartbeat.beat import LONGEST_STEP_S, Arrival, Heartbeat, take_heartbeat

BEAT = 1_795_242_600_123_456


class Way:
    """Both ends of the way; a beat needs `takes_s` to arrive, if it ever does. Time passes by sleeping."""

    def __init__(self, takes_s: float | None, before: Arrival | None = None) -> None:
        self.takes_s, self.before = takes_s, before
        self.now = 0.0
        self.asked_after: list[int] = []

    def take(self) -> int:
        return BEAT

    def oldest_after(self, beat: int) -> int | None:
        self.asked_after.append(beat)
        return 61_000

    def newest(self) -> Arrival | None:
        if self.takes_s is None or self.now < self.takes_s:
            return self.before
        return Arrival(BEAT, round(self.takes_s * 1000))

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= LONGEST_STEP_S
        self.now += seconds


def run(way: Way, wait_ms: int) -> Heartbeat:
    return take_heartbeat(way, way, wait_ms, clock=way.clock, sleep=way.sleep)


def test_a_beat_that_arrives_tells_how_long_it_took() -> None:
    assert run(Way(0.3), 20_000) == Heartbeat(BEAT, arrived=True, newest=BEAT, lag_ms=300)


def test_a_later_beat_will_do() -> None:
    later = Arrival(BEAT + 1, 7)
    assert run(Way(None, later), 0) == Heartbeat(BEAT, arrived=True, newest=BEAT + 1, lag_ms=7)


def test_a_missing_beat_tells_for_how_long_the_oldest_one_is_missing() -> None:
    way = Way(None, Arrival(BEAT - 60_000_000, 5))
    assert run(way, 1000) == Heartbeat(BEAT, arrived=False, newest=BEAT - 60_000_000, lag_ms=61_000)
    assert way.asked_after == [BEAT - 60_000_000]
    # It neither gives up early nor waits longer.
    assert way.now == pytest.approx(1.0)


def test_where_no_beat_ever_arrived_all_are_missing() -> None:
    way = Way(None)
    assert run(way, 0) == Heartbeat(BEAT, arrived=False, newest=0, lag_ms=61_000)
    assert (way.asked_after, way.now) == ([0], 0.0)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Way], None]:
    def put(way: Way) -> None:
        monkeypatch.setattr(handler, "source", lambda: way)
        monkeypatch.setattr(handler, "target", lambda: way)

    return put


def test_the_lag_is_a_metric_also_when_the_beat_is_missing(
    use: Callable[[Way], None], capsys: pytest.CaptureFixture[str]
) -> None:
    use(Way(None))
    answer = handler.handle({}, None)
    assert answer == {"beat": BEAT, "arrived": False, "newest": 0, "lag_ms": 61_000}
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert line["HeartbeatLag"] == [61_000.0]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": "HeartbeatLag", "Unit": "Milliseconds"}]


def test_a_failure_is_raised_and_writes_no_metric(
    use: Callable[[Way], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Way) -> None:
        raise CacheUnavailable("gone")

    monkeypatch.setattr(Way, "newest", fail)
    use(Way(0.0))
    with pytest.raises(CacheUnavailable):
        handler.handle({}, None)
    assert "HeartbeatLag" not in capsys.readouterr().out


@pytest.mark.parametrize("wait_ms", [-1, 30_001, 1.5, "5", True, None])
def test_a_wait_that_is_none_is_refused(wait_ms: object) -> None:
    with pytest.raises(ValueError, match="wait_ms"):
        handler.wait({"wait_ms": wait_ms})


def test_a_wait_is_optional() -> None:
    assert [handler.wait(event) for event in ({}, {"wait_ms": 30_000})] == [0, 30_000]
