"""Nothing is lost: kills, restarts, throttling, and what a confirmed position promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from tests.twin.capture.conftest import Capture, Database, until, versions
from tests.twin.capture.fake_kinesis import THROTTLED, FakeKinesis, Taken

Make = Callable[..., Capture]


def arrived(kinesis: FakeKinesis) -> set[int]:
    return set(versions(list(kinesis.taken)))


def until_all(kinesis: FakeKinesis, count: int) -> None:
    until(lambda: arrived(kinesis) == set(range(1, count + 1)), f"versions 1 to {count}")


def fill(source: Database, first: int, last: int) -> None:
    """Many events in one transaction."""
    source.execute("insert into outbox (version) select generate_series(%s, %s)", first, last)


def test_a_kill_during_the_full_load_starts_it_anew(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    fill(source, 1, 3000)
    kinesis.judge = lambda records: [None if kinesis.calls[2:] == [] else THROTTLED for _ in records]
    task = start_task()
    task.start()
    # Tried for a while: by then a load that was not waited for would have counted as done.
    until(lambda: len(kinesis.calls) > 10, "the load stuck in the middle")
    assert 0 < len(arrived(kinesis)) < 3000
    source.place(3001, 3001)
    task.kill()
    source.place(3002, 3002)
    kinesis.judge = lambda records: [None] * len(records)
    task.start()
    until_all(kinesis, 3002)


def test_a_kill_between_slot_and_load_starts_it_anew(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    fill(source, 1, 10)
    kinesis.hold()
    task = start_task()
    task.start()
    kinesis.wait_for_call()
    assert source.slot() is not None
    assert kinesis.taken == []
    task.kill()
    kinesis.drop()
    task.start()
    until_all(kinesis, 10)


def test_a_kill_amid_changes_loses_none(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    for round_ in range(3):
        source.place(round_ * 200 + 1, round_ * 200 + 200)
        until(lambda: kinesis.taken, "some")
        task.kill()
        task.start()
    until_all(kinesis, 600)
    assert {record.metadata["operation"] for record in kinesis.taken} <= {"insert", "load"}


def test_a_position_is_confirmed_only_after_kinesis_took_its_records(
    source: Database, kinesis: FakeKinesis, start_task: Make
) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 1)
    until_all(kinesis, 1)
    kinesis.hold()
    source.place(2, 2)
    kinesis.wait_for_call()
    [(committed,)] = source.execute("select pg_current_wal_lsn() - '0/0'")
    # Other writes move the log on and make the server ask for positions.
    for _ in range(20):
        source.execute("create table if not exists noise (id int); insert into noise values (1)")
    slot = source.slot()
    assert slot is not None
    assert slot["confirmed"] < committed
    task.kill()
    kinesis.drop()
    assert arrived(kinesis) == {1}
    task.start()
    until_all(kinesis, 2)


def test_records_that_no_call_took_before_a_clean_stop_come_after_it(
    source: Database, kinesis: FakeKinesis, start_task: Make
) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    kinesis.judge = lambda records: [THROTTLED] * len(records)
    source.place(1, 5)
    until(lambda: kinesis.calls, "a call")
    assert task.stop() == 0
    assert kinesis.taken == []
    kinesis.judge = lambda records: [None] * len(records)
    task.start()
    until_all(kinesis, 5)


def test_a_clean_stop_confirms_what_was_taken(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 50)
    until_all(kinesis, 50)
    assert task.stop() == 0
    slot = source.slot()
    assert slot is not None
    assert not slot["active"]
    count = len(kinesis.taken)
    task.start()
    source.place(51, 51)
    until_all(kinesis, 51)
    assert len(kinesis.taken) == count + 1


def test_a_restart_of_postgresql_loses_nothing(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 20)
    until_all(kinesis, 20)
    source.server.restart()
    source.place(21, 40)
    until_all(kinesis, 40)
    source.server.kill()
    source.server.start()
    source.place(41, 60)
    until_all(kinesis, 60)
    assert task.running


def test_a_task_waits_for_a_server_that_is_down(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    source.server.stop()
    task = start_task()
    task.start()
    until(lambda: "Source 127.0.0.1" in task.log, "a try")
    source.server.start()
    task.until_streaming()
    source.place(1, 1)
    until_all(kinesis, 1)


@pytest.mark.parametrize("status", [400, 500])
def test_calls_that_fail_as_a_whole_are_tried_again(
    source: Database, kinesis: FakeKinesis, start_task: Make, status: int
) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    kinesis.status = status
    source.place(1, 30)
    until(lambda: len(kinesis.calls) > 2, "tries")
    kinesis.status = 200
    until_all(kinesis, 30)
    assert task.running


def test_throttling_keeps_the_order_of_each_key(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    calls = iter(range(1_000_000))

    def judge(records: Sequence[Taken]) -> list[str | None]:
        number = next(calls)
        return [THROTTLED if (number + place) % 7 == 3 else None for place in range(len(records))]

    kinesis.judge = judge
    task = start_task()
    task.start()
    task.until_streaming()
    source.execute("insert into outbox (aggregate_id, version) select v %% 5, v from generate_series(1, %s) v", 400)
    until_all(kinesis, 400)
    task.stop()
    for client in range(5):
        last: dict[int, None] = {}
        for version in versions([record for record in kinesis.taken if record.key == str(client)]):
            last.pop(version, None)
            last[version] = None
        assert list(last) == sorted(last)


def test_an_idle_slot_does_not_hold_the_log_back(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 1)
    until_all(kinesis, 1)
    source.execute("create table noise (id int, text text)")
    source.execute("insert into noise select v, repeat('x', 500) from generate_series(1, 2000) v")
    [(written,)] = source.execute("select pg_current_wal_lsn() - '0/0'")

    def confirmed() -> bool:
        slot = source.slot()
        return slot is not None and bool(slot["confirmed"] >= written)

    until(confirmed, "the slot to move on")
    assert len(kinesis.taken) == 1
    # Writes of another database leave no message at all: only keepalives tell of them.
    other = Database(source.server, "postgres")
    other.execute("create table if not exists noise (id int); insert into noise select generate_series(1, 5000)")
    [(written,)] = source.execute("select pg_current_wal_lsn() - '0/0'")
    until(confirmed, "the slot to move on by keepalives")


def test_a_lost_slot_is_not_silent(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 1)
    until_all(kinesis, 1)
    task.stop()
    source.execute(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s", source.name
    )
    source.place(2, 2)
    assert task.run() == 4
    assert "--reload" in task.log
    task.start("--reload")
    until_all(kinesis, 2)


def test_a_slot_that_is_dropped_under_the_task_fails_it(source: Database, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    _drop_by_force(source)
    assert task.wait() == 4
    assert "Changes are lost" in task.log


def _drop_by_force(source: Database) -> None:
    name = source.slot()["name"]  # type: ignore[index]
    source.execute(
        f"do $$ begin loop "
        f"perform pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '{name}'; "
        f"begin perform pg_drop_replication_slot('{name}'); exit; "
        f"exception when object_in_use then perform pg_sleep(0.001); end; end loop; end $$"
    )


def test_a_damaged_checkpoint_is_not_silent(source: Database, start_task: Make) -> None:
    task = start_task()
    (task.folder / "checkpoint.json").write_text(json.dumps({"version": 1, "phase": "cdc"}))
    assert task.run() == 1
    assert "--reload" in task.log


@pytest.mark.parametrize("busy", [False, True])
def test_drop_removes_the_slot_in_use_or_not_and_absent(
    source: Database, kinesis: FakeKinesis, start_task: Make, busy: bool
) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 1)
    until_all(kinesis, 1)
    if not busy:
        task.stop()
    dropper = start_task()
    dropper.document["folder"] = task.document["folder"]
    assert dropper.run("--drop") == 0
    if busy:
        assert task.wait() == 4  # it does not make a slot again behind our back
    assert source.slot() is None
    assert not (task.folder / "checkpoint.json").exists()
    assert dropper.run("--drop") == 0
