"""Versions of a client: without gaps and in the order of the commits, whatever is commanded at the same time."""

from __future__ import annotations

import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.administer.commands import ChangeClient, change_client
from functions.administer.store import PostgresAdministration
from functions.place_order.command import Line, PlaceOrder, place_order
from functions.place_order.store import PostgresOrders
from tests.functions.migrated import Orders

# What each of several functions does, one command after the other: for whom, and an order or a new name.
WORK = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["order", "change"])), min_size=1, max_size=4),
    min_size=2,
    max_size=8,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORK)
def test_versions_have_no_gap_and_follow_the_commits(orders: Orders, work: list[list[tuple[int, str]]]) -> None:
    orders.rows("truncate orders, order_line, outbox, idempotency_key")
    orders.rows("update client set version = 0, order_count = 0, total = 0, last_purchase = null")
    start = threading.Barrier(len(work))

    def function(number: int) -> list[tuple[int, int]]:
        """Carry out one function's commands over connections of its own; gives clients and the versions they got.

        Each change is to a name that nobody had: what changes nothing makes no version.
        """
        databases = [orders.database(), orders.database_as("administrator")]
        shop, administration = PostgresOrders(databases[0], 24), PostgresAdministration(databases[1], 24)
        try:
            for database in databases:
                database.repeatable("select 1", ())
            start.wait(30)
            return [
                (client, place_order(PlaceOrder("demo", client, (Line(1, 1),)), shop).client_version)
                if what == "order"
                else (
                    client,
                    change_client(ChangeClient(client, secrets.token_hex(8), None), administration).client_version,
                )
                for client, what in work[number]
            ]
        finally:
            for database in databases:
                database.close()

    with ThreadPoolExecutor(len(work)) as pool:
        answers = [answer for results in pool.map(function, range(len(work))) for answer in results]
    for client in (1, 2, 3):
        mine = [version for id_client, version in answers if id_client == client]
        # Each command got a version of its own, and together they are all there are.
        assert sorted(mine) == list(range(1, len(mine) + 1))
        events = orders.rows(
            "select version, payload from outbox where aggregate_id = %s order by occurred_at, version", (str(client),)
        )
        assert [version for version, _ in events] == sorted(mine)
        states = [json.loads(payload)["data"]["client"] for _, payload in events]
        assert [state["version"] for state in states] == sorted(mine)
        ordered = [what for commands in work for id_client, what in commands if id_client == client].count("order")
        counts = [state["order_count"] for state in states]
        assert counts == sorted(counts)
        assert ([0, *counts][-1], len(mine)) == orders.rows(
            "select order_count, version from client where id = %s", (client,)
        )[0]
        assert [0, *counts][-1] == ordered
