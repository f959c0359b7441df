"""A database whose log holds transactions of one row, and slots to read them from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.errors import ObjectInUse

from bench.readers.debezium import PUBLICATION
from twin.servers.postgres import PostgresServer

TEST_DECODING, PGOUTPUT = "test_decoding", "pgoutput"
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
_RELEASE_S = 20.0


class CaptureLog:
    """The table, a slot of each plugin before its first row, and then the rows."""

    def __init__(self, server: PostgresServer, rows: int) -> None:
        self._copies = 0
        self.source: dict[str, Any] = {
            "host": server.host,
            "port": server.port,
            "database": "postgres",
            "username": server.superuser,
            "password": server.superuser_password,
        }
        self._connection = psycopg2.connect(server.dsn())
        self._connection.autocommit = True
        self._cursor = self._connection.cursor()
        self._cursor.execute(TABLE)
        self._cursor.execute(f"create publication {PUBLICATION} for table outbox")
        for plugin in (TEST_DECODING, PGOUTPUT):
            self._cursor.execute("select pg_create_logical_replication_slot(%s, %s)", (plugin, plugin))
        self._cursor.execute("set synchronous_commit = off")
        self._cursor.execute(FILL.format(rows=rows))
        self._cursor.execute("checkpoint")

    @contextmanager
    def slot(self, plugin: str) -> Iterator[str]:
        """A slot that has all rows, gone at the end."""
        self._copies += 1
        copy = f"{plugin}_{self._copies}"
        self._cursor.execute("select pg_copy_logical_replication_slot(%s, %s)", (plugin, copy))
        try:
            yield copy
        finally:
            self._drop(copy)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _drop(self, slot: str) -> None:
        deadline = time.monotonic() + _RELEASE_S
        while True:
            try:
                self._cursor.execute("select pg_drop_replication_slot(%s)", (slot,))
            except ObjectInUse:
                # Its walsender ends a moment after its reader.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
