"""What the task makes of the source: its role, tables, types, settings."""

from __future__ import annotations

from collections.abc import Callable

from tests.twin.capture.conftest import Capture, Database, until, versions
from tests.twin.capture.documents import ALL_TABLES
from tests.twin.capture.fake_kinesis import FakeKinesis

Make = Callable[..., Capture]


def test_load_and_change_of_every_type_give_the_same_text(
    source: Database, kinesis: FakeKinesis, start_task: Make
) -> None:
    source.execute(
        'create type "Mood:y" as enum (\'a "b\', \'c\'); create domain positive as int; create table "T: x" ('
        'id int primary key, "q""u] :\'o" varchar(20), mood "Mood:y", p positive, b boolean, bits bit(3), '
        "vb bit varying(5), bin bytea, arr text[], n numeric(12,2), free numeric, f float8, r real, ts timestamp, "
        "tz timestamptz, d date, t time, ch char(5), j jsonb, x text, u uuid, ip inet, o oid, big bigint, none int)"
    )
    source.execute('grant select on "T: x" to dms')
    statement = (
        "insert into \"T: x\" values (%s, 'it''s', 'a \"b', 3, true, B'101', B'11', '\\xdead', "
        "array['x','y''z'], 1.50, 0.12345678, 1e300, 0.1, '2026-01-02 03:04:05.6', '2026-01-02 03:04:05+02', "
        "'2026-01-02', '03:04:05', 'ab', '{\"a\": 1}', e'line\\n\\\\ü😀', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', "
        "'10.0.0.1', 5, 12345678901234567, null)"
    )
    source.execute(statement, 1)
    task = start_task(
        table_mappings=ALL_TABLES, settings={"TargetMetadata": {"LimitedSizeLobMode": True, "LobMaxSize": 32}}
    )
    task.start()
    task.until_streaming()
    source.execute(statement, 2)
    until(lambda: len(kinesis.taken) == 2, "both rows")
    load, insert = (record.document for record in kinesis.taken)
    assert (load["metadata"]["operation"], insert["metadata"]["operation"]) == ("load", "insert")
    assert load["metadata"]["table-name"] == "T: x"
    assert load["data"] | {"id": 2} == insert["data"]
    assert insert["data"] == {
        "id": 2,
        "q\"u] :'o": "it's",
        "mood": 'a "b',
        "p": 3,
        "b": "true",
        "bits": "101",
        "vb": "11",
        "bin": "0xdead",
        "arr": "{x,y'z}",
        "n": 1.5,
        "free": 0.123457,
        "f": 1e300,
        "r": 0.1,
        "ts": "2026-01-02T03:04:05.600000Z",
        "tz": "2026-01-02T01:04:05.000000Z",
        "d": "2026-01-02",
        "t": "03:04:05",
        "ch": "ab",
        "j": '{"a": 1}',
        "x": "line\n\\ü😀",
        "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "ip": "10.0.0.1",
        "big": 1.234567890123457e16,
    }


def test_updates_and_deletes_as_dms_tells_them(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    source.execute("create table nokey (version int); grant select on nokey to dms")
    mappings = {"rules": ALL_TABLES["rules"]}
    task = start_task(table_mappings=mappings)
    task.start()
    task.until_streaming()
    source.execute("insert into outbox (id, version) values ('11111111-2222-3333-4444-555555555555', 1)")
    source.execute("update outbox set version = 2")
    source.execute("update outbox set id = '21111111-2222-3333-4444-555555555555'")
    source.execute("delete from outbox")
    source.execute("insert into nokey values (3); update nokey set version = 4; delete from nokey")
    source.execute("truncate outbox")
    source.execute("select pg_logical_emit_message(true, 'x', '\\xff00'::bytea)")
    source.place(5, 5)
    until(lambda: kinesis.taken and kinesis.taken[-1].row.get("version") == 5, "the end")
    assert [(record.metadata["operation"], record.row.get("version")) for record in kinesis.taken] == [
        ("insert", 1),
        ("update", 2),
        ("delete", None),
        ("insert", 3),
        ("insert", 5),
    ]
    assert kinesis.taken[2].row == {"id": "21111111-2222-3333-4444-555555555555"}
    for word in ("primary key of public.outbox", "no primary key", "TRUNCATE"):
        assert word in task.log


def test_a_column_added_later_is_taken_up(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task()
    task.start()
    task.until_streaming()
    source.place(1, 1)
    source.execute("alter table outbox add column more varchar(10) default 'm'")
    source.place(2, 2)
    until(lambda: len(kinesis.taken) == 2, "the row with the new column")
    source.execute("alter table outbox drop column event_type")
    source.place(3, 3)
    until(lambda: versions(kinesis.taken) == [1, 2, 3], "all")
    rows = [record.row for record in kinesis.taken]
    assert [("more" in row, "event_type" in row) for row in rows] == [(False, True), (True, True), (True, False)]


def test_a_table_made_later_is_not_captured(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task(table_mappings=ALL_TABLES)
    task.start()
    task.until_streaming()
    source.execute("create table late (version int primary key); grant select on late to dms")
    source.execute("insert into late values (1)")
    source.place(2, 2)
    until(lambda: kinesis.taken, "the event")
    assert versions(kinesis.taken) == [2]
    assert "public.late was made after the task began" in task.log


def test_only_changes_of_a_cdc_task(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    source.place(1, 1)
    task = start_task(migration_type="cdc")
    task.start()
    task.until_streaming()
    task.kill()
    source.place(2, 2)
    task.start()
    until(lambda: kinesis.taken, "the change")
    assert versions(kinesis.taken) == [2]


def test_trace_lines_follow_an_event(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    source.place(1, 1)
    task = start_task()
    task.start(trace=True)
    task.until_streaming()
    source.place(2, 2)
    until(lambda: len(task.lines) == 5, "the lines")
    hops = [line["hop"] for line in task.lines]
    assert hops == ["ready", "log", "stream", "log", "stream"]
    _, load, _, log, stream = task.lines
    event = kinesis.taken[1].row["id"]
    assert log["events"] == stream["events"] == [event]
    assert load["commits"] == [None]
    assert log["commits"][0] <= log["at"] <= stream["at"]
    assert log["at"] - log["commits"][0] < 30


def test_transaction_details_are_told(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    task = start_task(target__kinesis_settings={"include_transaction_details": True})
    task.start()
    task.until_streaming()
    source.execute("insert into outbox (version) values (1), (2)")
    source.place(3, 3)
    until(lambda: len(kinesis.taken) == 3, "all")
    first, second, third = (record.metadata for record in kinesis.taken)
    assert [part["transaction-record-id"] for part in (first, second, third)] == [1, 2, 1]
    assert third["prev-transaction-id"] == first["transaction-id"] == second["transaction-id"]
    assert third["prev-transaction-record-id"] == 2
    assert first["commit-timestamp"] == second["commit-timestamp"] <= third["commit-timestamp"]


def test_a_heartbeat_is_written_where_allowed(source: Database, kinesis: FakeKinesis, start_task: Make) -> None:
    source.execute("create schema cdc; grant usage, create on schema cdc to dms")
    settings = {"capture_ddls": False, "heartbeat_enable": True, "heartbeat_schema": "cdc", "heartbeat_frequency": 1}
    task = start_task(source__postgres_settings=settings)
    task.start()
    until(lambda: source.execute("select to_regclass('cdc.awsdms_heartbeat') is not null") == [(True,)], "the table")
    until(lambda: source.execute("select count(*) from cdc.awsdms_heartbeat") == [(1,)], "a beat")


def test_a_heartbeat_that_is_not_allowed_is_told_and_stops_nothing(
    source: Database, kinesis: FakeKinesis, start_task: Make
) -> None:
    source.execute("revoke create on schema public from public")
    task = start_task(source__postgres_settings={"capture_ddls": False, "heartbeat_enable": True})
    task.start()
    until(lambda: "No heartbeat: permission denied" in task.log, "the warning")
    source.place(1, 1)
    until(lambda: kinesis.taken, "the event")
