"""Does pruning keep the outbox small? A million events come and go in rounds, on a PostgreSQL of its own.

    python -m bench.prune [--rows 1000000] [--rounds 10] [--keep 3]

A round stands for a day: it inserts its share of the events, a slot passes them, and those that are older than `keep`
rounds are pruned in batches of 500, as the function does it but without pauses. A day gives autovacuum time enough
to clean up; here VACUUM runs after each round instead. Events are as long as those of an order with two lines.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table as Grid

from functions.migrate import migrations, roles
from twin.servers.postgres import PostgresServer

BATCH = 500
SLOT = "bench"
INSERT = """
insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
select gen_random_uuid(), 'client', (n %% 1000 + 1)::varchar, 'orders.OrderPlaced.v1', n,
       rpad('{"specversion":"1.0","id":"' || gen_random_uuid() || '","source":"orders","lines":[', 640, md5(n::text)),
       now() - make_interval(hours => 24 * %s) + n * interval '1 ms'
from generate_series(1, %s) as n
"""


@dataclass(frozen=True)
class Round:
    """What one round left behind: rows, bytes, and how long its batches took."""

    rows: int
    table_bytes: int
    index_bytes: int
    pruned: int
    batches_ms: list[float]
    log_bytes: int


class Outbox:
    """A migrated database with one slot, and days that pass at once."""

    def __init__(self, server: PostgresServer, rounds: int, keep: int) -> None:
        connection = psycopg2.connect(server.dsn())
        roles.ensure(connection)
        migrations.apply(connection, migrations.read(migrations.folder()))
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._rounds, self._keep = rounds, keep
        self._ask("truncate outbox")
        self._ask("select pg_create_logical_replication_slot(%s, 'test_decoding')", SLOT)

    def round(self, number: int, rows: int) -> Round:
        """Insert, let the slot pass, prune, clean up."""
        days_ago = self._rounds - number
        for _ in range(rows // 1000):
            self._cursor.execute(INSERT, (days_ago, 1000))
        self._ask("select note_outbox_watermark()")
        self._ask(
            "update outbox_watermark set noted_at = now() - make_interval(hours => 24 * %s) + interval '1 minute'"
            " where id = (select max(id) from outbox_watermark)",
            days_ago,
        )
        self._ask("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", SLOT)
        pruned, times, before = 0, [], self._ask("select pg_current_wal_lsn()")
        hours = 24 * (days_ago + self._keep) - 1
        while True:
            begun = time.perf_counter()
            count = self._ask("select prune_outbox(make_interval(hours => %s), %s)", hours, BATCH)
            if count:
                times.append((time.perf_counter() - begun) * 1000)
            pruned += count
            if count < BATCH:
                break
        log = self._ask("select pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", before)
        self._ask("vacuum analyze outbox")
        return Round(
            rows=self._ask("select count(*) from outbox"),
            table_bytes=self._ask("select pg_table_size('outbox')"),
            index_bytes=self._ask("select pg_indexes_size('outbox')"),
            pruned=pruned,
            batches_ms=times,
            log_bytes=int(log),
        )

    def _ask(self, statement: str, *values: object) -> Any:
        self._cursor.execute(statement, values)
        row = self._cursor.fetchone() if self._cursor.description else None
        return row and row[0]


def measure(rows: int, rounds: int, keep: int, console: Console) -> list[Round]:
    """Run all rounds and give what each left behind."""
    with tempfile.TemporaryDirectory(prefix="bench-prune-") as name:
        server = PostgresServer(Path(name) / "postgres", settings={"max_wal_size": "2GB"})
        try:
            server.start()
            outbox, found = Outbox(server, rounds, keep), []
            for number in range(1, rounds + 1):
                found.append(outbox.round(number, rows // rounds))
                last = found[-1]
                console.print(f"round {number}: {last.rows:,} rows in {last.table_bytes / 2**20:,.0f} MiB")
            return found
        finally:
            server.remove()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.prune", description="Size of the outbox while rows go.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="events in all (1,000,000)")
    parser.add_argument("--rounds", type=int, default=10, help="days (10)")
    parser.add_argument("--keep", type=int, default=3, help="days that an event stays (3)")
    options = parser.parse_args()
    console = Console()
    rounds = measure(options.rows, options.rounds, options.keep, console)
    full = rounds[options.keep]  # with as many rows as will ever be there, and some pruned
    grid = Grid("round", title=f"{options.rows:,} events in {options.rounds} rounds, kept for {options.keep}")
    for head in ("rows left", "table, MiB", "indexes, MiB", "pruned", "ms per 1000, median", "slowest batch, ms"):
        grid.add_column(head, justify="right")
    for number, one in enumerate(rounds, start=1):
        pace = f"{statistics.median(one.batches_ms) * 1000 / BATCH:.1f}" if one.batches_ms else "-"
        worst = f"{max(one.batches_ms):.0f}" if one.batches_ms else "-"
        sizes = (f"{size / 2**20:,.0f}" for size in (one.table_bytes, one.index_bytes))
        grid.add_row(str(number), f"{one.rows:,}", *sizes, f"{one.pruned:,}", pace, worst)
    console.print(grid)
    last, pruned = rounds[-1], sum(one.pruned for one in rounds)
    console.print(
        f"Last round against the first full one: table {last.table_bytes / full.table_bytes:.2f}, "
        f"indexes {last.index_bytes / full.index_bytes:.2f} times the size; "
        f"{sum(one.log_bytes for one in rounds) / max(pruned, 1):,.0f} bytes of log for each row pruned."
    )


if __name__ == "__main__":
    main()
