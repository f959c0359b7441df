"""Money, from the order to the caller's JSON: whatever the prices and quantities, every sum is right to the cent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.get_client import handler as get_client
from functions.list_orders import handler as list_orders
from functions.place_order.command import Line, PlaceOrder, place_order
from functions.place_order.errors import ClientTotalTooLarge, OrderTooLarge
from functions.place_order.store import PostgresOrders
from functions.project_clients import handler as project_clients
from tests.functions.migrated import Orders
from tests.functions.samples import batch, failed, get, message
from twin.servers.valkey import ValkeyServer

MOST_CENTS = 10**14 - 1

# Cents that binary floating point cannot hold, the extremes, and anything in between.
CENTS = st.sampled_from([0, 1, 10, 29, 57, 1999, 10**12 - 1]) | st.integers(0, 10**12 - 1) | st.integers(0, 100_000)
QUANTITY = st.sampled_from([1, 3, 9999]) | st.integers(1, 9999)
ORDERS = st.lists(st.lists(st.tuples(CENTS, QUANTITY), min_size=1, max_size=6), min_size=1, max_size=5)


@pytest.fixture
def shop(orders: Orders) -> Iterator[PostgresOrders]:
    """Places orders, over one connection."""
    database = orders.database()
    yield PostgresOrders(database, 24)
    database.close()


@pytest.fixture(autouse=True)
def read_model(valkey: ValkeyServer, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CACHE_HOST": valkey.host, "CACHE_PORT": str(valkey.port), "CACHE_TLS": "false", "CACHE_AUTH": "none",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for function in (project_clients.read_model, get_client.views, list_orders.views):
        function.cache_clear()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(placed=ORDERS)
def test_every_sum_is_right_to_the_cent(
    orders: Orders, shop: PostgresOrders, placed: list[list[tuple[int, int]]]
) -> None:
    client = orders.rows("insert into client (name, email) values ('x', 'x@example.com') returning id")[0][0]
    expected: list[int] = []
    for lines in placed:
        ids = [
            orders.rows("insert into product (name, price) values ('x', %s) returning id", (Decimal(cents) / 100,))[0][
                0
            ]
            for cents, _ in lines
        ]
        command = PlaceOrder("demo", client, tuple(map(Line, ids, [quantity for _, quantity in lines])))
        total = sum(cents * quantity for cents, quantity in lines)
        if total > MOST_CENTS:
            with pytest.raises(OrderTooLarge):
                place_order(command, shop)
        elif sum(expected) + total > MOST_CENTS:
            with pytest.raises(ClientTotalTooLarge):
                place_order(command, shop)
        else:
            place_order(command, shop)
            expected.append(total)
    assert orders.rows("select (100 * total)::bigint from orders where client_id = %s order by id", (client,)) == [
        (total,) for total in expected
    ]
    assert orders.rows("select (100 * total)::bigint, order_count from client where id = %s", (client,)) == [
        (sum(expected), len(expected))
    ]
    if expected:
        _read_the_same(orders, client, expected)


def _read_the_same(orders: Orders, client: int, expected: list[int]) -> None:
    """Project the client's events and ask for it as a caller does; JSON numbers are read as decimals."""
    bodies = [
        message(json.loads(payload))
        for (payload,) in orders.rows("select payload from outbox where aggregate_id = %s", (str(client),))
    ]
    assert failed(project_clients.handle(batch(*bodies), None)) == set()
    answer = get_client.handle(get(f"/clients/{client}", str(client)), None)
    assert json.loads(answer["body"], parse_float=Decimal)["total"] * 100 == sum(expected)
    listed = json.loads(
        list_orders.handle(get(f"/clients/{client}/orders", str(client)), None)["body"], parse_float=Decimal
    )["orders"]
    assert [order["total"] * 100 for order in listed] == list(reversed(expected))
    for order in listed:
        assert order["total"] == sum(line["unit_price"] * line["quantity"] for line in order["lines"])
