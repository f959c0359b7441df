"""Alarms of the database's log and of the task that reads it: caused, looked at, mended."""

from __future__ import annotations

import pytest

from ops.capture import TaskFailed
from tests.twin.alarms.alarm import alarm, now_ms
from tests.twin.alarms.conftest import Ops
from tests.twin.alarms.test_functions import invoke
from tests.twin.conftest import System
from tests.twin.test_control import drop
from tests.twin.waiting import until

# The least that alarmSlotBytes and alarmLagSeconds may be.
LEAST_BYTES = 1_000_000
LEAST_LAG_S = 5


def write_log(system: System, megabytes: int) -> None:
    """Fill the transaction log with what concerns nobody."""
    for _ in range(megabytes):
        system.rows("select pg_logical_emit_message(true, 'nobody', repeat('x', 1000000))::text")


def test_a_stopped_task_is_told_and_started(system: System, run: Ops) -> None:
    client = system.new_client()
    # A task that does not run measures nothing, and that alone rings.
    for side in ("source", "target"):
        assert alarm(system, f"capture-{side}-latency").inputs["treatMissingData"] == "breaching"
    assert run("capture", "stop").exit_code == 0
    assert "stopped already" in run("capture", "stop").output
    system.place(client)
    shown = run("capture", "status")
    assert shown.exit_code == 1
    assert "`ops capture start` goes on" in shown.output
    assert run("capture", "start").exit_code == 0
    assert "runs already" in run("capture", "start").output
    system.converged(client)


def test_beats_that_do_not_arrive_are_noticed(system: System, run: Ops) -> None:
    lag, since = alarm(system, "heartbeat-lag").at(LEAST_LAG_S * 1000), now_ms()
    assert lag.inputs["treatMissingData"] == "breaching"
    assert run("capture", "stop").exit_code == 0

    def rings() -> bool:
        assert not invoke(system, "heartbeat")["failed"]
        return lag.rings(since)

    until(rings, what="a beat to be late")
    assert run("capture", "status").exit_code == 1
    assert run("capture", "start").exit_code == 0
    until(lag.ended(lambda: invoke(system, "heartbeat", '{"wait_ms": 5000}')), what="the alarm's end")


def test_log_that_nobody_reads_is_kept_until_somebody_does(system: System, run: Ops) -> None:
    client = system.new_client()
    lag, kept = alarm(system, "slot-lag").at(LEAST_BYTES), alarm(system, "retained-log").at(2 * LEAST_BYTES)
    assert run("capture", "stop").exit_code == 0
    write_log(system, 4)
    assert lag.rings(0)
    assert kept.rings(0)
    assert run("capture", "start").exit_code == 0
    until(lambda: not lag.rings(0), what="the slot to catch up")
    system.place(client)
    system.converged(client)


def test_a_missing_slot_is_noticed_and_made_anew(system: System, run: Ops) -> None:
    client, since = system.new_client(), now_ms()
    missing = alarm(system, "slot-missing")
    assert run("capture", "stop").exit_code == 0
    ((slot,),) = system.rows("select slot_name from pg_replication_slots")
    drop(system, slot)
    system.place(client)

    def rings() -> bool:
        invoke(system, "prune_outbox")
        return missing.rings(since)

    until(rings, what="the alarm")
    assert "no replication slot" in run("log", "prune_outbox").output
    with pytest.raises(TaskFailed, match="ops capture reload"):
        run("capture", "start")
    assert run("capture", "reload").exit_code == 0
    until(missing.ended(lambda: invoke(system, "prune_outbox")), what="the alarm's end")
    system.converged(client)


def test_an_outbox_that_is_not_pruned_gets_old(system: System, run: Ops) -> None:
    client, since = system.new_client(), now_ms()
    age = alarm(system, "outbox-age")
    assert run("capture", "stop").exit_code == 0
    system.place(client)
    mine = "where aggregate_id = %s"
    system.rows(f"update outbox set occurred_at = occurred_at - interval '200 hours' {mine}", str(client))

    def rings() -> bool:
        invoke(system, "prune_outbox")
        return age.rings(since)

    until(rings, what="the alarm")
    assert run("capture", "start").exit_code == 0
    system.converged(client)

    def pruned() -> bool:
        # As if this watermark, which the slot has passed by now, had been noted long ago.
        system.rows("update outbox_watermark set noted_at = noted_at - interval '100 hours'")
        invoke(system, "prune_outbox")
        return system.rows(f"select 1 from outbox {mine}", str(client)) == []

    until(pruned, what="the old event to be removed")
    until(age.ended(lambda: invoke(system, "prune_outbox")), what="the alarm's end")
