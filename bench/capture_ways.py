"""Three ways to read the same log: bare, into records, into Kinesis."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import LogicalReplicationConnection

from twin.capture.assembly import make_policies, make_sink, make_writer
from twin.capture.changes import Changes
from twin.capture.checkpoint import Progress
from twin.capture.lane import Ticket
from twin.capture.record import Record, RecordWriter
from twin.capture.slot import release
from twin.capture.source import connection
from twin.capture.spec import Spec, parse_spec
from twin.capture.stream import Stream
from twin.servers.postgres import PostgresServer

SLOT = "bench"
STREAM = "bench"
SHARDS = 4
ACCOUNT, REGION = "000000000000", "us-east-1"
OPTIONS = {"include-timestamp": "on", "skip-empty-xacts": "on"}
TABLE = """
create table outbox (
    id uuid primary key, aggregate_type varchar(64) not null, aggregate_id varchar(64) not null,
    event_type varchar(128) not null, version bigint not null, payload varchar(7900) not null,
    occurred_at timestamptz not null
)
"""
FILL = """
do $$ begin
    for i in 1..{rows} loop
        insert into outbox values (gen_random_uuid(), 'client', (i % 1000)::text, 'orders.OrderPlaced.v1', i,
            '{{"id":"' || i || '","text":"' || rpad('', 370, 'lorem ipsum ') || '"}}', clock_timestamp());
        commit;
    end loop;
end $$
"""


def close(descriptors: Sequence[int]) -> None:
    """Close descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)


class Counter:
    """Takes records like a Kinesis that takes everything at once."""

    is_full = False
    is_hungry = False

    def __init__(self, rows: int, stop: threading.Event) -> None:
        self._left = rows
        self._stop = stop

    def submit(self, records: Sequence[Record], ticket: Ticket) -> None:
        """Count records."""
        self._left -= len(records)
        if self._left <= 0:
            self._stop.set()

    def check(self) -> None:
        """Nothing can fail."""


class CaptureWays:
    """The three ways to read the same log."""

    def __init__(self, server: PostgresServer, rows: int, folder: Path) -> None:
        self._server = server
        self._rows = rows
        self._folder = folder
        self._slots = 0
        self.aws: dict[str, str | None] = {
            "endpoint_url": "http://127.0.0.1:1",
            "region": REGION,
            "access_key_id": "none",
            "secret_access_key": "none",
        }
        self._source = self._spec().source

    def fill(self) -> None:
        """Make the slot, then the rows."""
        self._execute(TABLE)
        self._execute(f"select pg_create_logical_replication_slot('{SLOT}', 'test_decoding')")
        self._execute("set synchronous_commit = off", FILL.format(rows=self._rows), "checkpoint")

    def _execute(self, *statements: str) -> None:
        opened = psycopg2.connect(self._server.dsn())
        opened.autocommit = True
        try:
            with opened.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            opened.close()

    def _timed(self, read: Callable[[str], None]) -> float:
        self._slots += 1
        slot = f"{SLOT}_{self._slots}"
        self._execute(f"select pg_copy_logical_replication_slot('{SLOT}', '{slot}')")
        begun = time.perf_counter()
        read(slot)
        rate = self._rows / (time.perf_counter() - begun)
        release(self._source, slot)
        return rate

    def bare(self) -> float:
        """Rows per second of the bare reader."""
        return self._timed(self._read_bare)

    def _read_bare(self, slot: str) -> None:
        opened = psycopg2.connect(self._server.dsn(), connection_factory=LogicalReplicationConnection)
        try:
            cursor = opened.cursor()
            cursor.start_replication(slot_name=slot, options=OPTIONS, decode=False)
            left = self._rows
            while left:
                message = cursor.read_message()
                if message is None:
                    select.select([opened], [], [], 10)
                elif message.payload[0] == ord("t"):
                    left -= 1
        finally:
            opened.close()

    def records(self) -> float:
        """Rows per second from log to records."""
        stop = threading.Event()
        pipe = os.pipe2(os.O_NONBLOCK)
        try:
            return self._timed(lambda slot: self._stream(slot, Counter(self._rows, stop), stop, pipe[0]))
        finally:
            close(pipe)

    def kinesis(self) -> float:
        """Rows per second from log into the emulator."""
        return self._timed(self._into_kinesis)

    def _into_kinesis(self, slot: str) -> None:
        stop = threading.Event()
        pipe = os.pipe2(os.O_NONBLOCK)
        taken = 0

        def accepted(events: Sequence[str]) -> None:
            nonlocal taken
            taken += len(events)
            if taken >= self._rows:
                stop.set()

        sink = make_sink(self._spec(), 1, pipe[1], accepted)
        submit = sink.submit

        def counted(records: Sequence[Record], ticket: Ticket) -> None:
            ticket.events = [""] * len(records)
            submit(records, ticket)

        sink.submit = counted  # type: ignore[method-assign]
        try:
            self._stream(slot, sink, stop, pipe[0])
        finally:
            sink.close(10)
            close(pipe)

    def _stream(self, slot: str, sink: Any, stop: threading.Event, wake: int) -> None:
        spec = self._spec()
        policies = make_policies(spec, Progress("cdc", slot, ""))

        def lookup(schema: str, table: str) -> RecordWriter | None:
            with connection(spec.source) as opened, opened.cursor() as cursor:
                return make_writer(spec, policies, cursor, schema, table)

        Stream(spec.source, slot, Changes(lookup, policies), sink, wake=wake, stop=stop).run()

    def _spec(self) -> Spec:
        locator = {"schema-name": "public", "table-name": "outbox"}
        rule = {"rule-id": "1", "rule-name": "1", "object-locator": locator}
        key = {"partition-key-type": "attribute-name", "partition-key-name": "aggregate_id"}
        rules = [
            {**rule, "rule-type": "selection", "rule-action": "include"},
            {
                **rule, "rule-id": "2", "rule-name": "2", "rule-type": "object-mapping",
                "rule-action": "map-record-to-record", "mapping-parameters": key,
            },
        ]  # fmt: skip
        return parse_spec(
            {
                "task_id": "bench",
                "resource_identifier": "bench",
                "migration_type": "cdc",
                "table_mappings": {"rules": rules},
                "source": {
                    "host": self._server.host,
                    "port": self._server.port,
                    "database": "postgres",
                    "username": self._server.superuser,
                    "password": self._server.superuser_password,
                    "postgres_settings": {"capture_ddls": False},
                },
                "target": {"stream_arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{STREAM}"},
                "aws": self.aws,
                "folder": str(self._folder),
            }
        )
