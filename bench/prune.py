"""Does pruning keep the outbox small? A million events come and go day by day, beside a bare DELETE of the same rows.

A run stands for a day: it inserts its share of the events, a slot passes them, and those that are older than `keep`
days are removed. A day gives autovacuum time enough to clean up; here VACUUM runs after each instead. Events are as
long as those of an order with two lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2

from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from functions.migrate import migrations, roles
from twin.servers.postgres import PostgresServer

OURS, DELETE = "prune_outbox, in batches", "one DELETE"
MEASURES = (
    Measure("pace", "rows/s"),
    Measure("slowest statement", "ms", better="less"),
    Measure("log", "bytes a row", better="less"),
    Measure("table", "MiB", better="less"),
    Measure("indexes", "MiB", better="less"),
    # Of the table, since the first day that counts.
    Measure("growth", "times", better="less"),
)
# Rows are dated back from now, so that the last day is past however many there are.
_DAYS = 1000
BATCH = 500
SLOT = "bench"
INSERT = """
insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
select gen_random_uuid(), 'client', (n %% 1000 + 1)::varchar, 'orders.OrderPlaced.v1', n,
       rpad('{"specversion":"1.0","id":"' || gen_random_uuid() || '","source":"orders","lines":[', 640, md5(n::text)),
       now() - make_interval(hours => 24 * %s) + n * interval '1 ms'
from generate_series(1, %s) as n
"""


class Outbox:
    """A migrated database with one slot, and days that pass at once."""

    def __init__(self, server: PostgresServer, database: str, rows: int, keep: int) -> None:
        master = psycopg2.connect(server.dsn())
        master.autocommit = True
        master.cursor().execute(f"create database {database}")
        master.close()
        connection = psycopg2.connect(server.dsn(database))
        roles.ensure(connection)
        migrations.apply(connection, migrations.read(migrations.folder()))
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._slot, self._rows, self._keep, self._day = f"{SLOT}_{database}", rows, keep, 0
        self._first: float | None = None
        self._ask("truncate outbox")
        self._ask("select pg_create_logical_replication_slot(%s, 'test_decoding')", self._slot)

    def day(self, *, batched: bool) -> Mapping[str, float]:
        """Insert, let the slot pass, remove, clean up."""
        self._day += 1
        days_ago = _DAYS - self._day
        for _ in range(self._rows // 1000):
            self._cursor.execute(INSERT, (days_ago, 1000))
        self._ask("select note_outbox_watermark()")
        self._ask(
            "update outbox_watermark set noted_at = now() - make_interval(hours => 24 * %s) + interval '1 minute'"
            " where id = (select max(id) from outbox_watermark)",
            days_ago,
        )
        self._ask("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", self._slot)
        before = self._ask("select pg_current_wal_lsn()")
        hours = 24 * (days_ago + self._keep) - 1
        removed, times = self._prune(hours) if batched else self._delete(hours)
        log = self._ask("select pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", before)
        self._ask("vacuum analyze outbox")
        table = self._ask("select pg_table_size('outbox')") / 2**20
        if removed and self._first is None:
            self._first = table
        return {
            "pace": removed / sum(times),
            "slowest statement": max(times) * 1000,
            "log": float(log) / max(removed, 1),
            "table": table,
            "indexes": self._ask("select pg_indexes_size('outbox')") / 2**20,
            "growth": table / (self._first or table),
        }

    def _prune(self, hours: int) -> tuple[int, list[float]]:
        removed, times = 0, []
        while True:
            begun = time.perf_counter()
            count = self._ask("select prune_outbox(make_interval(hours => %s), %s)", hours, BATCH)
            times.append(time.perf_counter() - begun)
            removed += count
            if count < BATCH:
                return removed, times

    def _delete(self, hours: int) -> tuple[int, list[float]]:
        begun = time.perf_counter()
        self._cursor.execute("delete from outbox where occurred_at < now() - make_interval(hours => %s)", (hours,))
        return self._cursor.rowcount, [time.perf_counter() - begun]

    def _ask(self, statement: str, *values: object) -> Any:
        self._cursor.execute(statement, values)
        row = self._cursor.fetchone() if self._cursor.description else None
        return row and row[0]


def cases(place: Place) -> Iterator[Case]:
    """One case: each way has a database of its own on one server."""
    server = PostgresServer(place.folder / "postgres", settings={"max_wal_size": "2GB"})
    place.stack.callback(server.remove)
    server.start()
    rows, keep = place.sizes["rows"], place.sizes["keep"]
    ours, bare = (Outbox(server, name, rows, keep) for name in ("ours", "bare"))
    yield Case(
        "a day's events",
        MEASURES,
        {DELETE: lambda: bare.day(batched=False), OURS: lambda: ours.day(batched=True)},
        DELETE,
        [Goal(OURS, most=1.1, measure="growth")],
        # Until there is something to remove, and the places of one day's rows to reuse.
        warm=keep + 1,
    )


BENCHMARKS = (
    Benchmark(
        name="prune",
        title="Pruning: events that leave the outbox",
        about=(
            "Day after day as many events come as go; an event stays for a few days. `prune_outbox` is the function of "
            "the database, called without the pauses that the Lambda function makes; a DELETE of the whole day at once "
            "is what the rows cost at least, but holds their locks and the log's position all the while. The table is "
            "larger than its rows by one day's places, free for the next."
        ),
        cases=cases,
        rounds=6,
        sizes={"rows": 50_000, "keep": 3},
    ),
)
