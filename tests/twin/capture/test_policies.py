"""What stops a task, what it goes on without, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.twin.capture.conftest import Capture, Database, until, versions
from tests.twin.capture.documents import ALL_TABLES, MAPPINGS
from tests.twin.capture.fake_kinesis import FakeKinesis
from twin.capture.errors import SourceError
from twin.capture.source import check
from twin.capture.spec import parse_spec

Make = Callable[..., Capture]

LONG = "x" * 600


@pytest.mark.parametrize(
    ("source_settings", "errors", "code", "sent"),
    [
        ({}, {}, None, ["x" * 512, "ok"]),
        ({}, {"DataTruncationErrorPolicy": "IGNORE_RECORD"}, None, ["ok"]),
        ({}, {"DataTruncationErrorPolicy": "STOP_TASK"}, 5, []),
        ({"fail_tasks_on_lob_truncation": True}, {}, 5, []),
    ],
)
def test_a_lob_that_is_too_long(
    source: Database,
    kinesis: FakeKinesis,
    start_task: Make,
    source_settings: dict[str, Any],
    errors: dict[str, Any],
    code: int | None,
    sent: list[str],
) -> None:
    source.execute("create table lobs (id int primary key, x text); grant select on lobs to dms")
    lob = {"SupportLobs": True, "LimitedSizeLobMode": True, "LobMaxSize": 1}
    task = start_task(
        table_mappings=ALL_TABLES,
        settings={"TargetMetadata": lob, "ErrorBehavior": errors},
        source__postgres_settings={"capture_ddls": False, **source_settings},
    )
    task.start()
    task.until_streaming()
    source.execute("insert into lobs values (1, %s)", LONG)
    source.execute("insert into lobs values (2, 'ok')")
    if code is not None:
        assert task.wait() == code
        assert "LobMaxSize" in task.log
    else:
        until(lambda: [record.row["x"] for record in kinesis.taken] == sent, "the rows")


def test_a_suspended_table_stays_suspended(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task(settings={"ErrorBehavior": {"DataErrorPolicy": "SUSPEND_TABLE"}})
    task.start()
    task.until_streaming()
    source.place(1, 1)
    source.execute("insert into outbox (version, occurred_at) values (2, 'infinity')")
    source.place(3, 3)
    until(lambda: "is suspended" in task.log, "the suspension")
    task.stop()
    task.start()
    source.place(4, 4)
    [(written,)] = source.execute("select pg_current_wal_lsn() - '0/0'")
    until(lambda: (slot := source.slot()) and slot["confirmed"] >= written, "all read")
    assert versions(kinesis.taken) == [1]


def test_a_table_that_may_not_be_read_stops_the_task(source: Database, start_task: Make) -> None:
    source.execute("revoke select on outbox from dms")
    task = start_task()
    assert task.run() == 5
    assert "no select" in task.log


def test_a_role_without_replication_is_told(source: Database, start_task: Make) -> None:
    source.execute("create role plain login password 'secret'")
    try:
        task = start_task(source__username="plain")
        assert task.run() == 3
        assert "may not replicate" in task.log
    finally:
        source.execute("drop role plain")


def test_no_table_fails_the_task_if_so_set(source: Database, start_task: Make) -> None:
    source.execute("alter table outbox rename to inbox")
    task = start_task(table_mappings=MAPPINGS, settings={"ErrorBehavior": {"FailOnNoTablesCaptured": True}})
    assert task.run() == 5
    assert "match no table" in task.log


def test_a_refused_task_ends_with_its_reason(start_task: Make) -> None:
    task = start_task(settings={"TargetMetadata": {"FullLobMode": True}})
    assert task.run() == 2
    assert "FullLobMode" in task.log


def test_a_sender_timeout_that_dms_does_not_take_is_refused(source: Database, start_task: Make) -> None:
    source.execute(f"alter database {source.name} set wal_sender_timeout = '5s'")
    with pytest.raises(SourceError, match="5000 ms"):
        check(parse_spec(start_task().document).source)
    source.execute(f"alter database {source.name} set wal_sender_timeout = '30s'")
    assert check(parse_spec(start_task().document).source) == 30
