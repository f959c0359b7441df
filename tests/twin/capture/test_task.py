"""A task from the outbox to Kinesis when nothing goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.twin.capture.conftest import Capture, Database, until
from tests.twin.capture.fake_kinesis import FakeKinesis

Make = Callable[..., Capture]


def test_rows_before_and_after_the_start_arrive_as_dms_writes_them(
    source: Database, kinesis: FakeKinesis, start_task: Make
) -> None:
    source.execute(
        "insert into outbox (id, version, occurred_at, payload) values "
        "('11111111-2222-3333-4444-555555555555', 1, '2026-11-21 06:30:00.5+00', %s)",
        '{"quote":"it\'s","text":"ü\n"}',
    )
    task = start_task()
    task.start()
    task.until_ready()
    until(lambda: len(kinesis.taken) == 1, "the full load")
    source.place(2, 2, client="6")  # the first row of a table is read another way than the next ones
    source.execute("insert into outbox (aggregate_id, version, payload) values ('7', 3, %s)", "it's ' [x]:'")
    until(lambda: len(kinesis.taken) == 3, "the changes")

    load, _, insert = kinesis.taken
    assert load.row == {
        "id": "11111111-2222-3333-4444-555555555555",
        "aggregate_type": "client",
        "aggregate_id": "1",
        "event_type": "orders.OrderPlaced.v1",
        "version": 1,
        "payload": '{"quote":"it\'s","text":"ü\n"}',
        "occurred_at": "2026-11-21T06:30:00.500000Z",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", load.metadata.pop("timestamp"))
    assert load.metadata | {"timestamp": 0} == {
        "timestamp": 0,
        "record-type": "data",
        "operation": "load",
        "partition-key-type": "attribute-name",
        "schema-name": "public",
        "table-name": "outbox",
    }
    assert insert.metadata["operation"] == "insert"
    assert insert.row["payload"] == "it's ' [x]:'"
    assert insert.metadata["transaction-id"] > 0
    assert (load.key, insert.key) == ("1", "7")
    assert kinesis.targets == {"Kinesis_20131202.PutRecords application/x-amz-json-1.1"}
