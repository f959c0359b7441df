"""Heartbeats on the running system: on their schedule, on request, and what is said while the way is blocked."""

from __future__ import annotations

import json
from typing import Any

from tests.twin.conftest import System, depth
from tests.twin.waiting import until


def beat(system: System, wait_ms: int) -> dict[str, Any]:
    """Take a heartbeat as an operator does."""
    answer = system.twin.emulator.client("lambda").invoke(
        FunctionName=system.outputs["heartbeat_function"], Payload=json.dumps({"wait_ms": wait_ms}).encode()
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def test_the_schedule_takes_beats_by_itself(system: System) -> None:
    until(lambda: system.rows("select 1 from heartbeat"), what="a beat of the schedule", timeout_s=90)
    assert depth(system.twin.emulator.client("sqs"), system.outputs["heartbeat_dead_letter_url"]) == 0


def test_a_beat_goes_the_whole_way(system: System) -> None:
    found = beat(system, 30_000)
    assert found["arrived"], found
    assert 0 <= found["lag_ms"] < 30_000


def test_while_the_way_is_blocked_the_lag_grows(system: System) -> None:
    assert beat(system, 30_000)["arrived"]
    pipes, name = system.twin.emulator.client("pipes"), system.outputs["pipe_name"]
    pipes.stop_pipe(Name=name)
    try:
        until(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "STOPPED", what="the pipe to stop")
        found = beat(system, 0)
        assert not found["arrived"]
        assert found["newest"] < found["beat"]
        until(lambda: beat(system, 0)["lag_ms"] > 2000, what="the lag to grow")
    finally:
        pipes.start_pipe(Name=name)
    # What was written meanwhile arrives.
    until(lambda: beat(system, 1000)["arrived"], what="a beat to arrive", timeout_s=60)
