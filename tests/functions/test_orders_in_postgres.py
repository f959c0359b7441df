"""Placing orders on a real server: everything or nothing, once for each key, versions without a gap."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import astuple

import functions.common.events
from functions.common.database import Database, SecretLogin
from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.common.events import OrderLine
from functions.place_order import handler
from functions.place_order.command import Line, Placed, PlaceOrder, place_order
from functions.place_order.errors import (
    ClientTotalTooLarge,
    KeyReused,
    OrderRefused,
    OrderTooLarge,
    UnknownClient,
    UnknownProducts,
)
from functions.place_order.store import PostgresOrders
from tests.functions.migrated import MemorySecrets, Orders
from tests.functions.samples import decode_order, post_order, problem
from twin.servers.postgres import PostgresServer

SCHEMA = Draft202012Validator(
    json.loads((Path(functions.common.events.__file__).parent / "order_placed.v1.schema.json").read_text())
)
REFERENCE = (Line(1, 1), Line(2, 3))
TABLES = ("orders", "order_line", "outbox", "idempotency_key")


def _counts(orders: Orders) -> list[int]:
    return [orders.rows(f"select count(*) from {table}")[0][0] for table in TABLES]


def test_an_order_is_kept_with_its_lines_its_client_and_its_event(orders: Orders) -> None:
    placed = place_order(
        PlaceOrder("demo", 1, REFERENCE, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"), orders.store()
    )
    assert placed == Placed(placed.id_order, 1, False)
    assert orders.rows("select id, client_id, total from orders") == [(placed.id_order, 1, Decimal(3000))]
    assert orders.rows("select line_no, product_id, unit_price, quantity from order_line order by line_no") == [
        (1, 1, Decimal(1500), 1), (2, 2, Decimal(500), 3)
    ]  # fmt: skip
    [(version, count, total, at)] = orders.rows(
        "select version, order_count, total, last_purchase from client where id = 1"
    )
    assert (version, count, total) == (1, 1, Decimal(3000))
    [row] = orders.rows(
        "select id::text, aggregate_type, aggregate_id, event_type, version, payload, occurred_at from outbox"
    )
    payload = json.loads(row[5])
    assert row[1:5] == ("client", "1", "orders.OrderPlaced.v1", 1)
    assert row[6] == at == orders.rows("select placed_at from orders")[0][0]
    SCHEMA.validate(payload)
    event = decode_order(payload)
    assert event.id == row[0]
    assert event.time == at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert astuple(event.client)[:6] == (1, "Bob", "bob@anemailprovider.com", 1, 1, "3000.00")
    assert event.client.last_purchase == event.order.placed_at == int(at.timestamp())
    assert event.order.id == placed.id_order
    assert event.order.lines == (OrderLine(1, "1500.00", 1), OrderLine(2, "500.00", 3))
    assert payload["traceparent"] == "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def test_the_next_order_has_the_next_version_and_the_sum(orders: Orders) -> None:
    store = orders.store()
    for version in (1, 2, 3):
        assert place_order(PlaceOrder("demo", 2, REFERENCE), store).client_version == version
    assert orders.rows("select order_count, total from client where id = 2") == [(3, Decimal(9000))]
    assert place_order(PlaceOrder("demo", 3, REFERENCE), store).client_version == 1


NASTY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NASTY, prices=st.lists(st.integers(0, 10**12 - 1), min_size=1, max_size=5), data=st.data())
def test_any_name_and_any_prices_come_out_as_they_went_in(
    orders: Orders, name: str, prices: list[int], data: st.DataObject
) -> None:
    quantities = [data.draw(st.integers(1, 9999)) for _ in prices]
    orders.rows("update client set name = %s, total = 0 where id = 1", (name,))
    ids = [
        orders.rows("insert into product (name, price) values ('x', %s) returning id", (Decimal(cents) / 100,))[0][0]
        for cents in prices
    ]
    command = PlaceOrder("demo", 1, tuple(map(Line, ids, quantities)))
    total = sum(cents * quantity for cents, quantity in zip(prices, quantities, strict=True))
    before = _counts(orders)
    if total >= 10**14:
        with pytest.raises(OrderTooLarge):
            place_order(command, orders.store())
        assert _counts(orders) == before
        return
    place_order(command, orders.store())
    [(payload,)] = orders.rows("select payload from outbox order by occurred_at desc limit 1")
    SCHEMA.validate(json.loads(payload))
    event = decode_order(json.loads(payload))
    assert event.client.name == name
    assert Decimal(event.order.total) * 100 == Decimal(event.client.total) * 100 == total
    assert [Decimal(line.price) * 100 for line in event.order.lines] == prices
    assert [line.quantity for line in event.order.lines] == quantities


def test_the_largest_order_fits(orders: Orders) -> None:
    # Every value at its greatest length, every character of name and e-mail one that JSON writes as two.
    top = 2**63 - 1
    orders.rows(
        "insert into client (id, name, email, version, order_count, total) values (%s, %s, %s, %s, %s, %s)",
        (top, '"' * 100, "\\" * 252 + "@" + '"', top - 1, top - 1, "0.00"),
    )
    orders.rows(
        "insert into product (id, name, price) select %s - n, 'x', 1000000000 from generate_series(1, 99) n", (top,)
    )
    orders.rows("insert into product (id, name, price) values (%s, 'x', 9999999999.99)", (top,))
    orders.rows("alter sequence orders_id_seq restart with %s", (top,))
    # The total's bound leaves no more characters to price and quantity than 15 in 99 lines and 14 in one.
    lines = (Line(top, 1), *(Line(top - n, 10) for n in range(1, 100)))
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    place_order(PlaceOrder("demo", top, lines, traceparent=trace), orders.store())
    [(payload, total)] = orders.rows("select payload, (select total from orders) from outbox")
    assert total == Decimal("999999999999.99")
    # Also if every line had 13 characters of price and 4 of quantity.
    assert len(payload) + 2 * 100 <= 7900
    SCHEMA.validate(json.loads(payload))
    assert len(decode_order(json.loads(payload)).order.lines) == 100


@pytest.mark.parametrize(
    ("id_client", "lines", "refusal"),
    [
        (99, REFERENCE, UnknownClient),
        (2**63 - 1, REFERENCE, UnknownClient),
        (1, (Line(1, 1), Line(77, 1), Line(2**63 - 1, 1)), UnknownProducts),
    ],
)
def test_an_unknown_client_or_product_stores_nothing(
    orders: Orders, id_client: int, lines: tuple[Line, ...], refusal: type[OrderRefused]
) -> None:
    with pytest.raises(refusal) as caught:
        place_order(PlaceOrder("demo", id_client, lines, "key"), orders.store())
    if isinstance(caught.value, UnknownProducts):
        assert caught.value.ids == {77, 2**63 - 1}
    assert _counts(orders) == [0, 0, 0, 0]
    assert orders.rows("select max(version) from client") == [(0,)]


def test_an_order_whose_event_cannot_be_written_is_not_stored(orders: Orders) -> None:
    orders.rows("alter table outbox add constraint full_up check (version < 0) not valid")
    with pytest.raises(DatabaseError, match="full_up"):
        place_order(PlaceOrder("demo", 1, REFERENCE, "key"), orders.store())
    assert _counts(orders) == [0, 0, 0, 0]
    assert orders.rows("select max(version) from client") == [(0,)]


def test_totals_beyond_their_bound_are_refused(orders: Orders) -> None:
    orders.rows("insert into product (id, name, price) values (10, 'x', 9999999999.99), (11, 'y', 1)")
    with pytest.raises(OrderTooLarge):
        place_order(PlaceOrder("demo", 1, (Line(10, 101),)), orders.store())
    orders.rows("update client set total = 999999999998.99 where id = 1")
    assert place_order(PlaceOrder("demo", 1, (Line(11, 1),)), orders.store()).client_version == 1
    with pytest.raises(ClientTotalTooLarge):
        place_order(PlaceOrder("demo", 1, (Line(11, 1),)), orders.store())
    assert _counts(orders) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("products", "quantities", "traceparent"),
    [([], [], None), ([1], [], None), ([1], [0], None), ([1], [10000], None), ([1], [None], None), ([None], [1], None),
     ([1, 1], [1, 1], None), (list(range(1, 102)), [1] * 101, None), ([1], [1], '","x":"')],
)  # fmt: skip
def test_the_database_refuses_by_itself_what_is_malformed(
    orders: Orders, products: list[Any], quantities: list[Any], traceparent: str | None
) -> None:
    connection = orders.connect("app")
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
        cursor.execute(
            "select * from place_order('k', 'h', interval '1 hour', 1, %s::bigint[], %s::integer[], %s)",
            (products, quantities, traceparent),
        )
    assert caught.value.pgcode == "OR006"
    connection.close()
    assert _counts(orders) == [0, 0, 0, 0]


def test_the_same_key_gives_the_same_answer_once(orders: Orders) -> None:
    command = PlaceOrder("demo", 1, REFERENCE, "key")
    first = place_order(command, orders.store())
    place_order(PlaceOrder("demo", 1, REFERENCE, "another"), orders.store())
    assert place_order(command, orders.store()) == Placed(first.id_order, first.client_version, True)
    assert _counts(orders) == [2, 4, 2, 2]


@pytest.mark.parametrize(
    "other", [PlaceOrder("demo", 2, REFERENCE, "key"), PlaceOrder("demo", 1, (Line(1, 2),), "key")]
)
def test_the_same_key_for_another_order_is_refused(orders: Orders, other: PlaceOrder) -> None:
    place_order(PlaceOrder("demo", 1, REFERENCE, "key"), orders.store())
    with pytest.raises(KeyReused):
        place_order(other, orders.store())
    assert _counts(orders) == [1, 2, 1, 1]


def test_a_key_is_its_callers_own(orders: Orders) -> None:
    place_order(PlaceOrder("ann", 1, REFERENCE, "key"), orders.store())
    assert not place_order(PlaceOrder("ben", 1, REFERENCE, "key"), orders.store()).replayed
    assert not place_order(PlaceOrder("ann", 1, REFERENCE), orders.store()).replayed


def test_a_key_expires(orders: Orders) -> None:
    command = PlaceOrder("demo", 1, REFERENCE, "key")
    place_order(command, orders.store(hours=2))
    orders.rows("update idempotency_key set created_at = created_at - interval '119 minutes'")
    assert place_order(command, orders.store(hours=2)).replayed
    orders.rows("update idempotency_key set created_at = created_at - interval '2 minutes'")
    assert place_order(PlaceOrder("demo", 2, REFERENCE, "key"), orders.store(hours=2)) == Placed(2, 1, False)
    assert place_order(PlaceOrder("demo", 2, REFERENCE, "key"), orders.store(hours=2)).replayed


def test_a_refusal_is_not_remembered(orders: Orders) -> None:
    command = PlaceOrder("demo", 1, (Line(50, 1),), "key")
    with pytest.raises(UnknownProducts):
        place_order(command, orders.store())
    orders.rows("insert into product (id, name, price) values (50, 'x', 1)")
    assert not place_order(command, orders.store()).replayed


CALLS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.booleans()), min_size=2, max_size=16)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_concurrent_calls_place_each_order_once_and_leave_no_gap(
    orders: Orders, calls: list[tuple[int, int, bool]]
) -> None:
    """Calls as (client, key, other lines), all at once: each key has one winner, whose answer its repetitions get."""
    orders.rows("truncate orders, order_line, outbox, idempotency_key")
    orders.rows("update client set version = 0, order_count = 0, total = 0")
    start = threading.Barrier(len(calls))

    def call(one: tuple[int, int, bool]) -> tuple[PlaceOrder, Placed | None]:
        id_client, key, other = one
        command = PlaceOrder("demo", id_client, (Line(1, 1),) if other else REFERENCE, f"key {key}")
        database = orders.database()
        start.wait()
        try:
            return command, place_order(command, PostgresOrders(database, 24))
        except KeyReused:
            return command, None
        finally:
            database.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(call, calls))
    for key in {command.idempotency_key for command, _ in results}:
        answers = {(answer.id_order, answer.client_version) for command, answer in results
                   if command.idempotency_key == key and answer}  # fmt: skip
        winners = [answer for command, answer in results
                   if command.idempotency_key == key and answer and not answer.replayed]  # fmt: skip
        accepted = {(command.id_client, command.lines) for command, answer in results
                    if command.idempotency_key == key and answer}  # fmt: skip
        assert (len(answers), len(winners), len(accepted)) == (1, 1, 1)
    for id_client, version, count in orders.rows("select id, version, order_count from client"):
        versions = orders.rows("select version from outbox where aggregate_id = %s order by version", (str(id_client),))
        assert [v for (v,) in versions] == list(range(1, version + 1))
        assert count == version
    assert orders.rows(
        "select count(*) from client c"
        " where total <> (select coalesce(sum(total), 0) from orders where client_id = c.id)"
    ) == [(0,)]


def _end_sessions_of_app(orders: Orders) -> None:
    orders.rows("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'app' and datname = %s",
                (orders.settings.name,))  # fmt: skip


def test_a_connection_that_died_in_between_is_replaced(orders: Orders) -> None:
    store = orders.store()
    place_order(PlaceOrder("demo", 1, REFERENCE), store)
    _end_sessions_of_app(orders)
    assert place_order(PlaceOrder("demo", 1, REFERENCE), store).client_version == 2
    assert _counts(orders) == [2, 4, 2, 2]


def test_a_restarted_server_is_found_again(orders: Orders, postgres: PostgresServer) -> None:
    store = orders.store()
    place_order(PlaceOrder("demo", 1, REFERENCE), store)
    postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        place_order(PlaceOrder("demo", 1, REFERENCE), store)
    postgres.start()
    assert place_order(PlaceOrder("demo", 1, REFERENCE), store).client_version == 2
    orders.master.close()


def test_a_password_changed_in_the_secret_is_taken_over(orders: Orders) -> None:
    database = Database(orders.settings, SecretLogin("app", "app", orders.secrets))
    store = PostgresOrders(database, 24)
    place_order(PlaceOrder("demo", 1, REFERENCE), store)
    orders.rows("alter role app password 'rotated'")
    orders.secrets.values["app"]["password"] = "rotated"
    _end_sessions_of_app(orders)
    assert place_order(PlaceOrder("demo", 1, REFERENCE), store).client_version == 2


def _blocked(orders: Orders, during: Callable[[], None]) -> None:
    """Run with client 1 locked by somebody else."""
    other = psycopg2.connect(
        host=orders.settings.host, port=orders.settings.port, dbname=orders.settings.name,
        user=orders.secrets.values["master"]["username"], password=orders.secrets.values["master"]["password"],
    )  # fmt: skip
    try:
        with other.cursor() as cursor:
            cursor.execute("select from client where id = 1 for update")
        during()
    finally:
        other.close()


def test_waiting_for_a_lock_is_bounded_and_stores_nothing(orders: Orders) -> None:
    store = orders.store()
    orders.rows("alter role app set lock_timeout = '100ms'")

    def during() -> None:
        with pytest.raises(DatabaseUnavailable):
            place_order(PlaceOrder("demo", 1, REFERENCE), store)
        # Another client is not held up.
        assert place_order(PlaceOrder("demo", 2, REFERENCE), store).client_version == 1

    try:
        _blocked(orders, during)
    finally:
        orders.rows("alter role app set lock_timeout = '3s'")
    assert orders.rows("select version from client where id = 1") == [(0,)]


def test_a_repetition_while_the_first_still_runs_waits_and_gets_its_answer(orders: Orders) -> None:
    command = PlaceOrder("demo", 1, REFERENCE, "key")
    with ThreadPoolExecutor(2) as pool:

        def during() -> None:
            calls = [pool.submit(place_order, command, orders.store()) for _ in range(2)]
            deadline = time.monotonic() + 10
            waiting = (
                "select count(*) from pg_stat_activity"
                " where usename = 'app' and wait_event_type = 'Lock' and datname = %s"
            )
            while orders.rows(waiting, (orders.settings.name,)) != [(2,)] and time.monotonic() < deadline:
                time.sleep(0.005)
            results.extend(calls)

        results: list[Any] = []
        _blocked(orders, during)
        answers = [call.result(10) for call in results]
    assert sorted(answer.replayed for answer in answers) == [False, True]
    assert answers[0].id_order == answers[1].id_order
    assert _counts(orders) == [1, 2, 1, 1]


@pytest.fixture
def lambda_environment(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_HOST": orders.settings.host, "DATABASE_PORT": str(orders.settings.port),
        "DATABASE_NAME": orders.settings.name, "DATABASE_SSLMODE": "disable", "DATABASE_USER": "app",
        "DATABASE_AUTH": "secret", "DATABASE_SECRET_ARN": "app", "IDEMPOTENCY_HOURS": "24",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    secrets: MemorySecrets = orders.secrets
    monkeypatch.setattr(handler, "SecretStore", lambda: secrets)
    handler.orders.cache_clear()


@pytest.mark.usefixtures("lambda_environment")
def test_the_whole_function_answers_and_repeats_itself(orders: Orders) -> None:
    event = post_order(Idempotency_Key="key")
    first = handler.handle(event, None)
    assert first["statusCode"] == 201
    assert handler.handle(event, None) == first
    problem(handler.handle(post_order({"id_client": 1, "products": [{"id_product": 3, "quantity": 1}]},
                                      Idempotency_Key="key"), None), 422)  # fmt: skip
    assert [e["field"] for e in problem(handler.handle(post_order({"id_client": 9, "products": [
        {"id_product": 3, "quantity": 1}]}), None), 422)["errors"]] == ["id_client"]  # fmt: skip
    assert _counts(orders) == [1, 2, 1, 1]


@pytest.mark.usefixtures("lambda_environment")
def test_logs_hold_ids_and_no_personal_data(orders: Orders, caplog: pytest.LogCaptureFixture) -> None:
    handler.handle(post_order(), None)
    orders.rows("alter table client add constraint broken check (order_count < 2)")
    problem(handler.handle(post_order(), None), 500)
    assert "order placed" in caplog.text
    assert "request failed" in caplog.text
    assert "Bob" not in caplog.text
    assert "anemailprovider" not in caplog.text


@pytest.mark.usefixtures("lambda_environment")
def test_one_order_is_one_statement(orders: Orders, postgres: PostgresServer) -> None:
    orders.rows("alter role app set log_statement = 'all'")
    try:
        for headers in ({}, {"Idempotency_Key": "key"}):
            assert handler.handle(post_order(**headers), None)["statusCode"] == 201
        assert _statements(orders, postgres) == 2
        assert _counts(orders) == [2, 4, 2, 2]
    finally:
        orders.rows("alter role app reset log_statement")


def _statements(orders: Orders, postgres: PostgresServer) -> int:
    """How many statements of app, begin and commit included, the server has logged."""
    return (postgres.folder / "postgres.log").read_text().count(f"app@{orders.settings.name} LOG:  statement: ")
