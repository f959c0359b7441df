"""Handlers of POST /orders, each over one connection of its own: place_order, what it stands on, and a tutorial's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import psycopg2

from bench.shop import Target
from functions.common.database import Database, SecretLogin
from functions.common.idempotency import record_key
from functions.common.settings import DatabaseSettings

OURS, DRIVER, SEPARATE = "place_order", "psycopg2 alone", "separate statements"
AT_ONCE, NAP = "place_order, answered at once", "place_order, answered after a nap"
Handler = Callable[[dict[str, Any]], dict[str, Any]]
# About as long as an order takes PostgreSQL, in seconds.
NAP_S = 0.0006
# Of each order: product and quantity, as the first example of the API has them.
LINES = ((1, 1), (2, 3))


def order_body(client: int) -> str:
    """The body of a request for an order."""
    products = [{"id_product": product, "quantity": quantity} for product, quantity in LINES]
    return json.dumps({"id_client": client, "products": products})


def ours(target: Target) -> Handler:
    """The function itself; only the way to its password is another: nobody is asked for it."""
    from functions.common.gateway import answer
    from functions.place_order.handler import respond
    from functions.place_order.store import PostgresOrders

    settings = DatabaseSettings(target.host, target.port, target.name, "disable", "")
    store = PostgresOrders(Database(settings, SecretLogin(target.user, "arn", _Known(target.password))), 24)

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        return answer(event, lambda request: respond(request, lambda: store))

    return handle


class _Known:
    """Secrets Manager, as far as a login goes."""

    def __init__(self, password: str) -> None:
        self._password = password

    def read(self, arn: str) -> dict[str, str]:
        return {"password": self._password}


def driver_alone(target: Target) -> Handler:
    """The handler's statement and no more: what the driver leaves of pgbench's speed."""
    from functions.place_order.store import STATEMENT

    connection = _connected(target)
    connection.autocommit = True
    products, quantities = map(list, zip(*LINES, strict=True))

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        client = json.loads(event["body"])["id_client"]
        with connection.cursor() as cursor:
            _one(cursor, STATEMENT, record_key(None), "0" * 64, 24, client, products, quantities, None)
        return {"statusCode": 201}

    return handle


def without_database(nap_s: float) -> Callable[[Target], Handler]:
    """The function over a store that sleeps and answers: what its own work costs."""

    def way(_: Target) -> Handler:
        from functions.common.gateway import answer
        from functions.place_order.command import Placed, PlaceOrder
        from functions.place_order.handler import respond

        class Store:
            def place(self, key: str, request_hash: str, command: PlaceOrder) -> Placed:
                if nap_s:
                    time.sleep(nap_s)
                return Placed(1, 1, replayed=False)

        return lambda event: answer(event, lambda request: respond(request, Store))

    return way


def separate_statements(target: Target) -> Handler:
    """A tutorial's handler: ten round trips for two lines, no checks, no client's version, no log.

    The statements are those of the sample that this system is compared with (aws-samples/cqrs-on-aws, order
    receiver), in its order, over our tables and the same driver as ours.
    """
    connection = _connected(target)

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        body = json.loads(event["body"])
        with connection.cursor() as cursor:
            order = _one(cursor, "select nextval('orders_id_seq')")[0]
            cursor.execute(
                "insert into orders (id, client_id, total, placed_at) overriding system value"
                " values (%s, %s, 0, now())",
                (order, body["id_client"]),
            )
            total = 0
            for number, line in enumerate(body["products"]):
                price = _one(cursor, "select price from product where id = %s", line["id_product"])[0]
                cursor.execute(
                    "insert into order_line (order_id, line_no, product_id, unit_price, quantity)"
                    " values (%s, %s, %s, %s, %s)",
                    (order, number + 1, line["id_product"], price, line["quantity"]),
                )
                total += price * line["quantity"]
            name, email = _one(cursor, "select name, email from client where id = %s", body["id_client"])
            cursor.execute(
                "insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)"
                " values (gen_random_uuid(), 'client', %s, 'orders.OrderPlaced', 0, %s, now())",
                (str(body["id_client"]), json.dumps({"name": name, "email": email, "total": str(total)})),
            )
        connection.commit()
        return {"statusCode": 201, "body": "Order created successfully!"}

    return handle


def _connected(target: Target) -> Any:
    return psycopg2.connect(
        host=target.host, port=target.port, dbname=target.name, user=target.user, password=target.password
    )


def _one(cursor: Any, statement: str, *values: object) -> Any:
    cursor.execute(statement, values)
    return cursor.fetchone()


WAYS: dict[str, Callable[[Target], Handler]] = {
    OURS: ours,
    DRIVER: driver_alone,
    SEPARATE: separate_statements,
    AT_ONCE: without_database(0),
    NAP: without_database(NAP_S),
}
