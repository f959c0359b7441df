"""What one replication slot can carry of whole orders: its walsender decodes every table's rows, wanted or not."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil
import psycopg2
from psycopg2.extras import LogicalReplicationConnection

from bench.frame.benchmark import Benchmark, Case, Measure, Place
from bench.shop import open_shop
from twin.servers.postgres import PostgresServer

EVENTS, WHOLE, PUBLISHED = "events alone, test_decoding", "orders, test_decoding", "orders, pgoutput of outbox"
MEASURES = (
    Measure("rate", "orders/s"),
    Measure("walsender", "us an order", better="less"),
    Measure("sent", "bytes an order", better="less"),
)
TEST_DECODING = {"include-timestamp": "on", "skip-empty-xacts": "on"}
PGOUTPUT = {"proto_version": "1", "publication_names": "bench"}
# Each order has two lines, as the first example of the API has.
ORDERS = """
do $$ begin
    for i in 1..{count} loop
        perform place_order('key-' || i, 'hash', interval '1 day', i % {clients} + 1, array[1, 2]::bigint[],
            array[1, 3]);
        commit;
    end loop;
end $$
"""
ALONE = """
do $$ declare event record; begin
    for event in select * from outbox_copy loop
        insert into outbox values (gen_random_uuid(), event.aggregate_type, event.aggregate_id, event.event_type,
            event.version, event.payload, event.occurred_at);
        commit;
    end loop;
end $$
"""


class Log:
    """A database with the log of some orders: whole ones for one slot, their events alone for another."""

    def __init__(self, server: PostgresServer, orders: int, clients: int) -> None:
        self._server, self._orders, self._slots = server, orders, 0
        open_shop(server, "postgres", clients)
        connection = psycopg2.connect(server.dsn())
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._ask("create publication bench for table outbox")
        self._ask("truncate outbox")
        self._ask("set synchronous_commit = off")
        self._slot("whole", "test_decoding")
        self._slot("published", "pgoutput")
        self.write_us, self.log_bytes = self._fill(ORDERS.format(count=orders, clients=clients))
        # They would read what comes now too, if it were before what they are asked for; it is not.
        self._ask("create table outbox_copy as select * from outbox")
        self._ask("truncate outbox")
        self._slot("alone", "test_decoding")
        self._fill(ALONE)

    def _slot(self, name: str, plugin: str) -> None:
        self._ask("select pg_create_logical_replication_slot(%s, %s)", name, plugin)

    def _fill(self, statement: str) -> tuple[float, float]:
        """Processor time of the server's process, in us, and bytes of log, both for an order."""
        pid, before = self._ask("select pg_backend_pid()"), self._ask("select pg_current_wal_insert_lsn()")
        begun = _busy_s(pid)
        self._cursor.execute(statement)
        busy = _busy_s(pid) - begun
        log = self._ask("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before)
        return busy * 1e6 / self._orders, float(log) / self._orders

    def read(
        self, slot: str, options: Mapping[str, str], is_event: Callable[[bytes], bool]
    ) -> Callable[[], Mapping[str, float]]:
        """A reader that counts events, and nothing else, from a fresh copy of a slot."""

        def run() -> Mapping[str, float]:
            self._slots += 1
            copy = f"{slot}_{self._slots}"
            self._ask("select pg_copy_logical_replication_slot(%s, %s)", slot, copy)
            try:
                return self._read(copy, options, is_event)
            finally:
                self._drop(copy)

        return run

    def _read(self, slot: str, options: Mapping[str, str], is_event: Callable[[bytes], bool]) -> Mapping[str, float]:
        left, sent = self._orders, 0
        opened = psycopg2.connect(self._server.dsn(), connection_factory=LogicalReplicationConnection)
        with contextlib.closing(opened):
            cursor = opened.cursor()
            begun = time.perf_counter()
            cursor.start_replication(slot_name=slot, options=dict(options), decode=False)
            while left:
                message = cursor.read_message()
                if message is None:
                    select.select([opened], [], [], 10)
                    continue
                sent += len(message.payload)
                left -= is_event(message.payload)
            seconds = time.perf_counter() - begun
            # This one process has done all the decoding, and nothing else.
            busy = _busy_s(self._ask("select active_pid from pg_replication_slots where slot_name = %s", slot))
        return {
            "rate": self._orders / seconds,
            "walsender": busy * 1e6 / self._orders,
            "sent": sent / self._orders,
        }

    def _drop(self, slot: str) -> None:
        deadline = time.monotonic() + 10
        while self._ask("select active from pg_replication_slots where slot_name = %s", slot):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The walsender of {slot} has not ended.")
            time.sleep(0.02)
        self._ask("select pg_drop_replication_slot(%s)", slot)

    def _ask(self, statement: str, *values: object) -> Any:
        self._cursor.execute(statement, values)
        row = self._cursor.fetchone() if self._cursor.description else None
        return row and row[0]


def _busy_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _inserts(payload: bytes) -> bool:
    return payload.startswith(b"table public.outbox: INSERT")


def _publishes(payload: bytes) -> bool:
    return payload[0] == ord("I")


def cases(place: Place) -> Iterator[Case]:
    """One case: the same events, with and without the rest of their transactions."""
    server = PostgresServer(place.folder / "postgres", settings={"max_wal_size": "4GB"})
    place.stack.callback(server.remove)
    server.start()
    log = Log(server, place.sizes["orders"], place.sizes["clients"])
    place.notes.append(
        f"An order takes {log.write_us:.0f} us of the server's processor to write (place_order called in a loop on the "
        f"server, without waiting for the disk) and {log.log_bytes:,.0f} bytes of log."
    )
    yield Case(
        "orders of two lines",
        MEASURES,
        {
            EVENTS: log.read("alone", TEST_DECODING, _inserts),
            WHOLE: log.read("whole", TEST_DECODING, _inserts),
            PUBLISHED: log.read("published", PGOUTPUT, _publishes),
        },
        EVENTS,
        warm=0,
    )


BENCHMARKS = (
    Benchmark(
        name="slot",
        title="One slot: orders decoded from the log",
        about=(
            "`place_order` writes an order, its lines, the client, the event and the idempotency record; a slot of "
            "`test_decoding`, as the DMS task has one, decodes and sends all of these rows, and the reader drops what "
            f"is not the outbox. A publication sends the outbox alone, but decodes as much. `walsender` is time on a "
            f"processor, of {os.cpu_count()} here, of the one process that a slot has. psycopg2 reads and only counts."
        ),
        cases=cases,
        rounds=5,
        sizes={"orders": 20_000, "clients": 1_000},
    ),
)
