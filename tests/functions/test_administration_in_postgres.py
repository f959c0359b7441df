"""The administration on a real server: one statement a command, once for each key, and events as their schemas say."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
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
from pydantic import ValidationError

import functions.common.events
from functions.administer import body, handler
from functions.administer.commands import (
    AddProduct,
    ChangeClient,
    ChangeProduct,
    RegisterClient,
    add_product,
    change_client,
    change_product,
    register_client,
)
from functions.administer.errors import KeyReused
from functions.administer.store import PostgresAdministration
from functions.common import gateway
from functions.common.database import Database
from functions.common.errors import DatabaseUnavailable
from functions.common.events import ClientChanged, ClientRegistered
from functions.common.settings import DatabaseSettings
from functions.migrate import migrations
from functions.migrate.handler import migrate
from functions.place_order.command import Line, PlaceOrder, place_order
from tests.functions.migrated import MemorySecrets, Orders, migrate_settings
from tests.functions.samples import decode_client, message, problem, send
from twin.servers.postgres import PostgresServer

SCHEMAS = {
    schema["title"]: Draft202012Validator(schema)
    for path in Path(functions.common.events.__file__).parent.glob("client_*.schema.json")
    for schema in [json.loads(path.read_text())]
}
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
TOP = 2**63 - 1


@pytest.fixture
def store(orders: Orders) -> Iterator[PostgresAdministration]:
    database = orders.database_as("administrator")
    yield PostgresAdministration(database, 24)
    database.close()


def _payloads(orders: Orders) -> list[dict[str, Any]]:
    """All payloads in the outbox, each of them valid and decodable."""
    payloads = [json.loads(text) for (text,) in orders.rows("select payload from outbox order by occurred_at, version")]
    for payload in payloads:
        if payload["type"] in SCHEMAS:
            SCHEMAS[payload["type"]].validate(payload)
        decode_client(message(payload))
    return payloads


def test_events_are_as_their_schemas_say(orders: Orders, store: PostgresAdministration) -> None:
    id_client = register_client(RegisterClient("demo", "Zoë", "zoe@example.com", None, TRACE), store).id_client
    place_order(PlaceOrder("demo", id_client, (Line(1, 1),)), orders.store())
    change_client(ChangeClient(id_client, None, "new@example.com", (1,), TRACE), store)
    registered, _, changed = _payloads(orders)
    rows = orders.rows(
        "select id::text, aggregate_type, aggregate_id, event_type, version, occurred_at from outbox order by version"
    )
    assert [row[1:5] for row in rows] == [
        ("client", str(id_client), f"orders.{kind}.v1", version)
        for version, kind in enumerate(("ClientRegistered", "OrderPlaced", "ClientChanged"))
    ]
    events = decode_client(message(registered)), decode_client(message(changed))
    assert [type(event) for event in events] == [ClientRegistered, ClientChanged]
    for event, row in zip(events, (rows[0], rows[2]), strict=True):
        assert (event.id, event.traceparent) == (row[0], TRACE)
        assert event.time == row[5].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert astuple(events[0].client) == (id_client, "Zoë", "zoe@example.com", 0, 0, "0.00", None)
    [(at,)] = orders.rows("select last_purchase from client where id = %s", (id_client,))
    assert astuple(events[1].client) == (id_client, "Zoë", "new@example.com", 2, 1, "1500.00", int(at.timestamp()))


def test_the_largest_event_fits(orders: Orders, store: PostgresAdministration) -> None:
    # Every value at its greatest length, every character of name and e-mail one that JSON writes as two.
    orders.rows(
        "insert into client (id, name, email, version, order_count, total, last_purchase)"
        " values (%s, 'x', 'a@b', %s, %s, 999999999999.99, '9999-12-31')", (TOP, TOP - 1, TOP - 1),
    )  # fmt: skip
    change_client(ChangeClient(TOP, '"' * 100, "\\" * 252 + '@"', None, TRACE), store)
    [(length,)] = orders.rows("select length(payload) from outbox")
    assert length < 1500
    [payload] = _payloads(orders)
    assert payload["data"]["client"]["version"] == TOP


def test_clients_from_before_the_events_are_told_of_once(
    tmp_path: Path, settings: DatabaseSettings, secrets: MemorySecrets, postgres: PostgresServer
) -> None:
    """A database at migration 4 with an order, then all of them: who has ordered is known by the order's event."""
    for path in sorted(migrations.folder().glob("*.sql"))[:4]:
        shutil.copy(path, tmp_path)
    migrate(migrate_settings(settings), secrets, lambda: tmp_path)  # type: ignore[arg-type]
    connection = psycopg2.connect(postgres.dsn(settings.name))
    connection.autocommit = True
    orders = Orders(settings, secrets, connection)
    orders.rows("insert into client (id, name, email) values (%s, '\"\\', 'a@b')", (TOP,))
    place_order(PlaceOrder("demo", 2, (Line(1, 1),)), orders.store())
    for _ in range(2):
        migrate(migrate_settings(settings), secrets, migrations.folder)  # type: ignore[arg-type]
    found = [
        (payload["type"].split(".")[1], payload["data"]["client"]["id"], payload["data"]["client"]["version"])
        for payload in _payloads(orders)
    ]
    assert sorted(found) == [
        *(("ClientRegistered", id_client, 0) for id_client in (1, 3, TOP)), ("OrderPlaced", 2, 1)
    ]  # fmt: skip
    connection.close()


def test_the_seeds_have_events(settings: DatabaseSettings, secrets: MemorySecrets, postgres: PostgresServer) -> None:
    migrate(migrate_settings(settings), secrets, migrations.folder)  # type: ignore[arg-type]
    connection = psycopg2.connect(postgres.dsn(settings.name))
    payloads = _payloads(Orders(settings, secrets, connection))
    assert {payload["data"]["client"]["name"] for payload in payloads} == {"Bob", "Alice", "John"}
    connection.close()


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)
# Mostly what an address may have, now and then what it may not, such as spaces of other scripts.
LETTER = st.characters(exclude_categories=["C", "Z"], exclude_characters="@") | st.sampled_from(
    " \t\x85\xa0\u180e\u3000"
)
EMAIL = st.builds("{}@{}".format, st.text(LETTER, min_size=1, max_size=120), st.text(LETTER, min_size=1, max_size=130))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAME, email=EMAIL, cents=st.integers(0, 10**12 - 1))
def test_what_the_body_lets_in_the_database_takes_and_gives_back(
    orders: Orders, store: PostgresAdministration, name: str, email: str, cents: int
) -> None:
    try:
        client = body.NewClient(name=name, email=email)
        product = body.NewProduct(name=name, price=Decimal(cents) / 100)
    except ValidationError:
        return
    id_client = register_client(RegisterClient("demo", client.name, client.email), store).id_client
    id_product = add_product(AddProduct("demo", product.name, product.price), store).id_product
    assert orders.rows("select name, email from client where id = %s", (id_client,)) == [(name, email)]
    price = Decimal(cents) / 100
    assert orders.rows("select name, price from product where id = %s", (id_product,)) == [(name, price)]
    [(payload,)] = orders.rows("select payload from outbox where aggregate_id = %s", (str(id_client),))
    assert astuple(decode_client(message(json.loads(payload))).client)[1:3] == (name, email)


CALLS: dict[str, Callable[[PostgresAdministration], Any]] = {
    "register": lambda store: register_client(RegisterClient("demo", "Zoë", "zoe@example.com", "key"), store),
    "change": lambda store: change_client(ChangeClient(1, "Robert", None, (0,)), store),
    "add": lambda store: add_product(AddProduct("demo", "Lamp", Decimal(5), "key"), store),
    "reprice": lambda store: change_product(ChangeProduct(1, None, Decimal(5)), store),
}
COUNTS = (
    "select (select count(*) from client), (select count(*) from product), (select count(*) from outbox),"
    " (select sum(version) from client)"
)


class AnswersLost:
    """A database whose first answer to each statement is lost after the commit, so that the statement is repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def repeatable(self, statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
        self._database.repeatable(statement, parameters)
        return self._database.repeatable(statement, parameters)


@pytest.mark.parametrize("call", CALLS)
def test_a_statement_executed_twice_has_its_effect_once(orders: Orders, call: str) -> None:
    database = orders.database_as("administrator")
    answer = CALLS[call](PostgresAdministration(AnswersLost(database), 24))  # type: ignore[arg-type]
    assert answer.replayed
    expected = {"register": (4, 3, 1, 0), "change": (3, 3, 1, 1), "add": (3, 4, 0, 0), "reprice": (3, 3, 0, 0)}
    assert orders.rows(COUNTS) == [expected[call]]
    assert orders.rows("select count(*) from idempotency_key") == [(1,)]
    database.close()


@pytest.mark.parametrize("call", ["register", "add"])
def test_concurrent_calls_with_one_key_are_one_command(orders: Orders, call: str) -> None:
    start = threading.Barrier(8)

    def one(_: int) -> Any:
        database = orders.database_as("administrator")
        start.wait()
        try:
            return CALLS[call](PostgresAdministration(database, 24))
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert len({getattr(answer, "id_client", None) or answer.id_product for answer in answers}) == 1
    [(clients, products, events, _)] = orders.rows(COUNTS)
    assert (clients + products, events) == (7, 1 if call == "register" else 0)


def test_concurrent_orders_and_changes_of_one_client_number_their_events_without_a_gap(orders: Orders) -> None:
    start = threading.Barrier(8)

    def one(number: int) -> None:
        database = orders.database_as("app" if number % 2 else "administrator")
        start.wait()
        try:
            for turn in range(5):
                if number % 2:
                    place_order(PlaceOrder("demo", 1, (Line(1, 1),)), orders.store())
                else:
                    change_client(ChangeClient(1, f"{number} {turn}", None), PostgresAdministration(database, 24))
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    payloads = _payloads(orders)
    assert sorted(payload["data"]["client"]["version"] for payload in payloads) == list(range(1, 41))
    assert orders.rows("select version, order_count, total from client where id = 1") == [(40, 20, Decimal(30000))]
    # Times follow versions, and each state goes on from the one before.
    ordered = sorted(payloads, key=lambda payload: payload["data"]["client"]["version"])
    assert [payload["time"] for payload in ordered] == sorted(payload["time"] for payload in payloads)
    counts = [payload["data"]["client"]["order_count"] for payload in ordered]
    steps = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert steps == [int("order" in payload["data"]) for payload in ordered]


def test_of_concurrent_changes_of_one_version_one_is_made(orders: Orders) -> None:
    start = threading.Barrier(6)

    def one(number: int) -> int:
        database = orders.database_as("administrator")
        start.wait()
        try:
            event = send("PATCH", "/clients/{id}", 1, {"name": f"name {number}"}, If_Match='"0"')
            store = PostgresAdministration(database, 24)
            answer = gateway.answer(event, lambda request: handler.respond(request, lambda: store))
            return int(answer["statusCode"])
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [200] + [412] * 5
    assert orders.rows("select version from client where id = 1") == [(1,)]


def test_a_key_expires_and_is_free_again(orders: Orders) -> None:
    database = orders.database_as("administrator")
    store = PostgresAdministration(database, 2)
    first = CALLS["register"](store)
    orders.rows("update idempotency_key set created_at = created_at - interval '119 minutes'")
    assert CALLS["register"](store).id_client == first.id_client
    orders.rows("update idempotency_key set created_at = created_at - interval '2 minutes'")
    other = register_client(RegisterClient("demo", "Ann", "a@b", "key"), store)
    assert (other.id_client != first.id_client, other.replayed) == (True, False)
    with pytest.raises(KeyReused):
        CALLS["register"](store)
    database.close()


KEY = "'k', 'h', '1 hour'"
ARGUMENTS = {
    "register_client": [f"{KEY}, 'x', null", f"{KEY}, null, 'a@b'", f"{KEY}, 'x', 'a@b', '\",\"'",
                        "null, 'h', '1 hour', 'x', 'a@b'"],
    "change_client": [f"{KEY}, 1, 'x', 'a@b', null, 'trace'", "'k', null, '1 hour', 1, 'x', null"],
    "add_product": [f"{KEY}, 'x', null", f"{KEY}, null, 1", f"{KEY}, 'x', 0.001", "'k', 'h', null, 'x', 1"],
    "change_product": [f"{KEY}, 1, 'x', 0.001", "null, 'h', '1 hour', 1, 'x', 1"],
}  # fmt: skip


@pytest.mark.parametrize(("function", "arguments"), [(name, one) for name in ARGUMENTS for one in ARGUMENTS[name]])
def test_the_database_refuses_by_itself_what_is_malformed(orders: Orders, function: str, arguments: str) -> None:
    before = orders.rows(COUNTS)
    connection = orders.connect("administrator")
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
        cursor.execute(f"select * from {function}({arguments})")
    assert caught.value.pgcode == "OR006"
    connection.close()
    assert orders.rows(COUNTS) == before
    assert orders.rows("select count(*) from idempotency_key") == [(0,)]


def test_waiting_for_a_client_is_bounded_and_stores_nothing(orders: Orders, store: PostgresAdministration) -> None:
    orders.rows("alter role administrator set lock_timeout = '100ms'")
    other = psycopg2.connect(
        host=orders.settings.host, port=orders.settings.port, dbname=orders.settings.name,
        user=orders.secrets.values["master"]["username"], password=orders.secrets.values["master"]["password"],
    )  # fmt: skip
    try:
        with other.cursor() as cursor:
            cursor.execute("select from client where id = 1 for update")
        with pytest.raises(DatabaseUnavailable):
            CALLS["change"](store)
    finally:
        other.close()
        orders.rows("alter role administrator set lock_timeout = '3s'")
    assert orders.rows(COUNTS) == [(3, 3, 0, 0)]


@pytest.fixture
def lambda_environment(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_HOST": orders.settings.host, "DATABASE_PORT": str(orders.settings.port),
        "DATABASE_NAME": orders.settings.name, "DATABASE_SSLMODE": "disable", "DATABASE_USER": "administrator",
        "DATABASE_AUTH": "secret", "DATABASE_SECRET_ARN": "administrator", "IDEMPOTENCY_HOURS": "24",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    secrets: MemorySecrets = orders.secrets
    monkeypatch.setattr(handler, "SecretStore", lambda: secrets)
    handler.administration.cache_clear()


EVENTS = [
    send("POST", "/clients", None, {"name": "Zoë", "email": "zoe@example.com"}, Idempotency_Key="key"),
    send("PATCH", "/clients/{id}", 1, {"name": "Robert"}),
    send("POST", "/products", None, {"name": "Lamp", "price": 5}, Idempotency_Key="key"),
    send("PATCH", "/products/{id}", 1, {"price": "5.00"}),
]


@pytest.mark.usefixtures("lambda_environment")
def test_the_whole_function_answers_and_repeats_itself(orders: Orders) -> None:
    first = [handler.handle(event, None) for event in EVENTS]
    assert [answer["statusCode"] for answer in first] == [201, 200, 201, 200]
    before = orders.rows(COUNTS)
    assert [handler.handle(event, None) for event in EVENTS] == first
    assert orders.rows(COUNTS) == before == [(4, 4, 2, 1)]
    problem(handler.handle(send("PATCH", "/clients/{id}", 99, {"name": "x"}), None), 404)
    problem(handler.handle(send("PATCH", "/products/{id}", 99, {"name": "x"}), None), 404)


@pytest.mark.usefixtures("lambda_environment")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["httpMethod"] + event["resource"])
def test_one_command_is_one_statement(orders: Orders, postgres: PostgresServer, event: dict[str, Any]) -> None:
    orders.rows("alter role administrator set log_statement = 'all'")
    try:
        assert handler.handle(event, None)["statusCode"] in (200, 201)
        log = (postgres.folder / "postgres.log").read_text()
        assert log.count(f"administrator@{orders.settings.name} LOG:  statement: ") == 1
    finally:
        orders.rows("alter role administrator reset log_statement")
