"""Old rows go on the running system: on a schedule, once delivered, without a trace in the read model."""

from __future__ import annotations

import json
import os
import secrets
import signal
from typing import Any

import pytest

from infra.capture import SCHEMA, TABLE
from infra.templates import pipe_filter
from tests.twin.capture.rows import NOW, ROW, writer
from tests.twin.conftest import System, depth
from tests.twin.waiting import until
from twin.pattern import FilterCriteria


@pytest.mark.parametrize(
    ("operation", "taken"), [("load", True), ("insert", True), ("update", False), ("delete", False)]
)
def test_the_pipe_takes_new_rows_and_no_deletion(operation: str, taken: bool) -> None:
    criteria = FilterCriteria([pipe_filter(SCHEMA, TABLE)], json_field="data")
    _, data = writer().write(operation, ROW, 1, NOW)
    assert criteria.matches({"data": json.loads(data), "partitionKey": "1"}) is taken


def prune(system: System) -> dict[str, Any]:
    """Run the function as its schedule does, but wait for its answer."""
    answer = system.twin.emulator.client("lambda").invoke(
        FunctionName=system.outputs["prune_outbox_function"], Payload=b"{}"
    )
    content = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, content
    found: dict[str, Any] = content
    return found


def test_the_schedule_runs_the_function_by_itself(system: System) -> None:
    until(lambda: system.rows("select 1 from outbox_watermark"), what="a run of the function")
    assert depth(system.twin.emulator.client("sqs"), system.outputs["prune_outbox_dead_letter_url"]) == 0


def test_a_schedule_that_is_killed_goes_on(system: System) -> None:
    process = system.process(f"schedule-{system.outputs['prune_outbox_schedule']}")
    pid = process.pid
    process.kill()
    until(lambda: process.running and process.pid != pid, what="the schedule to be started again")
    memory = json.loads((process.log.parent / "memory.json").read_text())
    assert memory["done"] is not None


def test_old_events_go_once_they_are_delivered(system: System, queues: Any) -> None:
    client_id = system.new_client()
    for _ in range(5):
        system.place(client_id)
    system.converged(client_id)
    mine = "select 1 from outbox where aggregate_id = %s"
    assert len(system.rows(mine, str(client_id))) == 5
    # All of it happened long ago: first the events, then a watermark behind them.
    system.rows(
        "update outbox set occurred_at = occurred_at - interval '200 hours' where aggregate_id = %s", str(client_id)
    )
    prune(system)
    ((watermark, lsn),) = system.rows("select id, lsn::text from outbox_watermark order by id desc limit 1")
    passed = "select 1 from pg_replication_slots where slot_type = 'logical' and confirmed_flush_lsn >= %s"
    until(lambda: system.rows(passed, lsn), what="the slot to pass the watermark")
    assert prune(system)["events"] == 0
    assert len(system.rows(mine, str(client_id))) == 5
    system.rows("update outbox_watermark set noted_at = noted_at - interval '100 hours' where id = %s", watermark)
    assert prune(system) == {"events": 5, "keys": 0, "complete": True}
    assert system.rows(mine, str(client_id)) == []
    # The deletions went through the stream by now, as this order did after them, and changed nothing.
    system.place(client_id)
    system.converged(client_id)
    assert depth(queues, system.outputs["undelivered_url"]) == 0
    assert depth(queues, system.outputs["project_clients_dead_letter_url"]) == 0


def test_nothing_goes_while_change_capture_is_behind(system: System) -> None:
    client_id = system.new_client()
    capture = system.process("capture").pid
    assert capture is not None
    os.kill(capture, signal.SIGSTOP)
    try:
        system.place(client_id)
        system.rows(
            "update outbox set occurred_at = occurred_at - interval '200 hours' where aggregate_id = %s", str(client_id)
        )
        prune(system)
        system.rows("update outbox_watermark set noted_at = noted_at - interval '100 hours'")
        assert prune(system)["events"] == 0
        assert len(system.rows("select 1 from outbox where aggregate_id = %s", str(client_id))) == 1
    finally:
        os.kill(capture, signal.SIGCONT)
    system.converged(client_id)
    until(lambda: prune(system)["events"] >= 1, what="the event to be removed")
    assert system.rows("select 1 from outbox where aggregate_id = %s", str(client_id)) == []


def test_an_expired_key_goes_and_may_be_used_again(system: System) -> None:
    client_id, key = system.new_client(), f"key-{secrets.token_hex(8)}"
    assert system.place(client_id, key) == system.place(client_id, key) == 1
    system.rows("update idempotency_key set created_at = created_at - interval '25 hours' where created_at = ("
                "select placed_at from orders where client_id = %s)", client_id)  # fmt: skip
    assert prune(system)["keys"] == 1
    assert system.place(client_id, key) == 2
    system.converged(client_id)
