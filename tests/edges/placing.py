"""Orders through a front, and what the database says about them and about the connections of app."""

from __future__ import annotations

from collections.abc import Callable

from functions.common.database import Database
from functions.place_order.command import Line, Placed, PlaceOrder, place_order
from functions.place_order.store import PostgresOrders
from tests.edges.conftest import Aurora
from tests.functions.migrated import Orders

LINES = (Line(1, 1), Line(2, 3))
TABLES = ("orders", "order_line", "outbox", "idempotency_key")


def place(database: Database, key: str | None = None, id_client: int = 1) -> Placed:
    """Place an order of two lines."""
    return place_order(PlaceOrder("demo", id_client, LINES, key), PostgresOrders(database, 24))


def counts(orders: Orders) -> list[int]:
    """How many orders, order lines, events and idempotency records there are."""
    return [orders.rows(f"select count(*) from {table}")[0][0] for table in TABLES]


def sessions(orders: Orders) -> int:
    """How many connections app has at the server."""
    [(count,)] = orders.rows(
        "select count(*) from pg_stat_activity where usename = 'app' and datname = %s", (orders.settings.name,)
    )
    return int(count)


def set_for_app(orders: Orders, name: str, value: str) -> None:
    """A setting of app, for sessions from now on."""
    orders.rows(f"alter role app set {name} = '{value}'")


def store_over(aurora: Aurora, answer_s: float = 8.0) -> Callable[[], PostgresOrders]:
    """What takes the place of the handler's own store."""
    store = PostgresOrders(aurora.database(answer_s=answer_s), 24)
    return lambda: store
