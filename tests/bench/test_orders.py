"""The ways to place orders do the same work: what they leave in the database is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from bench.order_callers import Callers
from bench.order_ways import AT_ONCE, DRIVER, NAP, OURS, SEPARATE
from bench.orders import MEASURES, PGBENCH, Shop
from twin.proxy import Proxy
from twin.servers.postgres import PostgresServer

ORDERS, CONNECTIONS = 6, 2
TABLES = ("orders", "order_line", "outbox", "idempotency_key")


@pytest.fixture
def shop(postgres: PostgresServer, database: str, tmp_path: Path) -> Iterator[Shop]:
    callers = Callers(CONNECTIONS)
    yield Shop(postgres, database, 5, callers, tmp_path)
    callers.close()


def left(postgres: PostgresServer, database: str) -> dict[str, int]:
    """Rows of each table, and the clients' versions together."""
    connection = psycopg2.connect(postgres.dsn(database))
    with connection, connection.cursor() as cursor:
        found = {}
        for name, statement in {
            **{table: f"select count(*) from {table}" for table in TABLES},
            "versions": "select sum(version) from client",
            "one client's": "select version from client where id = 1",
            "total": "select sum(total) from client",
        }.items():
            cursor.execute(statement)
            found[name] = int((cursor.fetchone() or (0,))[0])
    connection.close()
    return found


def added(postgres: PostgresServer, database: str, shop: Shop, way: str, hot: bool = False) -> dict[str, int]:
    before = left(postgres, database)
    values = {**shop.ways(ORDERS, CONNECTIONS, hot=hot), **shop.parts(ORDERS)}[way]()
    assert set(values) == {measure.name for measure in MEASURES}
    assert all(value > 0 for value in values.values())
    return {name: now - before[name] for name, now in left(postgres, database).items()}


def test_pgbench_leaves_what_the_handler_leaves(postgres: PostgresServer, database: str, shop: Shop) -> None:
    ours = added(postgres, database, shop, OURS, hot=True)
    assert ours == added(postgres, database, shop, PGBENCH, hot=True)
    # Two lines, 3,000.00 together; all of the one client.
    assert ours == {
        "orders": ORDERS, "order_line": 2 * ORDERS, "outbox": ORDERS, "idempotency_key": ORDERS,
        "versions": ORDERS, "one client's": ORDERS, "total": 3000 * ORDERS,
    }  # fmt: skip


@pytest.mark.parametrize(("way", "each"), [(DRIVER, 1), (AT_ONCE, 0), (NAP, 0)])
def test_parts_of_the_handler_leave_orders_or_nothing(
    postgres: PostgresServer, database: str, shop: Shop, way: str, each: int
) -> None:
    found = added(postgres, database, shop, way)
    assert {found[table] for table in ("orders", "outbox", "idempotency_key", "versions")} == {each * ORDERS}


def test_separate_statements_leave_orders_and_events(postgres: PostgresServer, database: str, shop: Shop) -> None:
    found = added(postgres, database, shop, SEPARATE)
    assert (found["orders"], found["order_line"], found["outbox"]) == (ORDERS, 2 * ORDERS, ORDERS)


def test_what_is_far_is_slower(postgres: PostgresServer, shop: Shop) -> None:
    with Proxy(postgres.port) as proxy:
        proxy.slow(0.01)
        for way in (PGBENCH, OURS):
            assert shop.ways(ORDERS, 1, proxy.port)[way]()["p50"] > 20
