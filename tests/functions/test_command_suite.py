"""Every command and what becomes of it, over the write model in memory and in PostgreSQL: the same suite for both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

import pytest

from functions.administer import errors as administration
from functions.administer.commands import (
    AddProduct,
    Administration,
    ChangeClient,
    ChangeProduct,
    ClientAt,
    Product,
    RegisterClient,
    add_product,
    change_client,
    change_product,
    register_client,
)
from functions.administer.store import PostgresAdministration
from functions.common.events import CLIENT_CHANGED, CLIENT_REGISTERED, ORDER_PLACED
from functions.place_order import errors as ordering
from functions.place_order.command import Line, OrderStore, PlaceOrder, place_order
from tests.functions.memory import Client, MemoryWriteModel
from tests.functions.migrated import Orders


class WriteModel(OrderStore, Administration, Protocol):
    """The stores, and a look at what they hold."""

    @property
    def clients(self) -> dict[int, Client]: ...

    @property
    def products(self) -> dict[int, tuple[str, Decimal]]: ...

    @property
    def totals(self) -> dict[int, Decimal]: ...

    @property
    def events(self) -> list[tuple[str, int, int]]: ...


class PostgresWriteModel:
    """The stores over PostgreSQL, each logged in as its own role."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.databases = [orders.database(), orders.database_as("administrator")]
        self.administration = PostgresAdministration(self.databases[1], 24)
        self.place = orders.store().place

    def __getattr__(self, name: str) -> Any:
        return getattr(self.administration, name)

    @property
    def clients(self) -> dict[int, Client]:
        rows = self._orders.rows("select id, name, email, version, order_count, total from client")
        return {row[0]: Client(*row[1:]) for row in rows}

    @property
    def products(self) -> dict[int, tuple[str, Decimal]]:
        return {row[0]: (row[1], row[2]) for row in self._orders.rows("select id, name, price from product")}

    @property
    def totals(self) -> dict[int, Decimal]:
        return dict(self._orders.rows("select id, total from orders"))

    @property
    def events(self) -> list[tuple[str, int, int]]:
        return self._orders.rows("select event_type, aggregate_id::bigint, version from outbox order by occurred_at")


@pytest.fixture(params=["memory", "postgres"])
def model(request: pytest.FixtureRequest) -> WriteModel:
    if request.param == "memory":
        return MemoryWriteModel()
    found: Any = PostgresWriteModel(request.getfixturevalue("orders"))
    return found  # type: ignore[no-any-return]


def _register(model: WriteModel, key: str | None = None, principal: str = "demo", name: str = "Zoë") -> ClientAt:
    return register_client(RegisterClient(principal, name, "zoe@example.com", key), model)


def _held(model: WriteModel) -> tuple[Any, ...]:
    return model.clients, model.products, model.totals, model.events


def test_a_client_is_registered_with_version_0_and_its_event(model: WriteModel) -> None:
    done = _register(model)
    assert (done.client_version, done.replayed) == (0, False)
    assert done.id_client not in (1, 2, 3)
    assert model.clients[done.id_client] == Client("Zoë", "zoe@example.com")
    assert model.events == [(CLIENT_REGISTERED, done.id_client, 0)]


def test_two_clients_may_have_the_same_name_and_address(model: WriteModel) -> None:
    assert _register(model).id_client != _register(model).id_client


def test_the_first_order_of_a_client_makes_version_1(model: WriteModel) -> None:
    id_client = _register(model).id_client
    assert place_order(PlaceOrder("demo", id_client, (Line(3, 2),)), model).client_version == 1
    assert model.clients[id_client] == Client("Zoë", "zoe@example.com", 1, 1, Decimal(2000))
    assert model.events[-1] == (ORDER_PLACED, id_client, 1)


@pytest.mark.parametrize(
    ("name", "email"), [("Robert", None), (None, "robert@example.com"), ("Robert", "robert@example.com")]
)
def test_a_change_is_the_next_version_and_keeps_the_rest(
    model: WriteModel, name: str | None, email: str | None
) -> None:
    place_order(PlaceOrder("demo", 1, (Line(3, 2),)), model)
    assert change_client(ChangeClient(1, name, email), model) == ClientAt(1, 2, False)
    expected = Client(name or "Bob", email or "bob@anemailprovider.com", 2, 1, Decimal(2000))
    assert model.clients[1] == expected
    assert model.events == [(ORDER_PLACED, 1, 1), (CLIENT_CHANGED, 1, 2)]
    assert place_order(PlaceOrder("demo", 1, (Line(3, 1),)), model).client_version == 3


def test_what_changes_nothing_makes_neither_event_nor_version(model: WriteModel) -> None:
    assert change_client(ChangeClient(1, "Bob", None), model) == ClientAt(1, 0, False)
    assert change_client(ChangeClient(1, "Bob", "bob@anemailprovider.com"), model).client_version == 0
    assert model.events == []


@pytest.mark.parametrize("versions", [(0,), (7, 0), None])
def test_a_change_of_the_expected_version_is_made(model: WriteModel, versions: tuple[int, ...] | None) -> None:
    assert change_client(ChangeClient(2, "Ann", None, versions), model).client_version == 1


@pytest.mark.parametrize("versions", [(1,), (1, 7, 2**63 - 1), ()])
def test_a_change_of_another_version_is_refused(model: WriteModel, versions: tuple[int, ...]) -> None:
    for _ in range(3):
        place_order(PlaceOrder("demo", 3, (Line(1, 1),)), model)
    before = _held(model)
    # Also a change that would change nothing.
    for name in ("Ann", "John"):
        with pytest.raises(administration.AnotherVersion) as caught:
            change_client(ChangeClient(3, name, None, versions), model)
        assert caught.value.version == 3
    assert _held(model) == before


def test_a_product_is_added_and_ordered(model: WriteModel) -> None:
    done = add_product(AddProduct("demo", "Lamp", Decimal("12.30")), model)
    assert model.products[done.id_product] == ("Lamp", Decimal("12.30"))
    place_order(PlaceOrder("demo", 1, (Line(done.id_product, 3),)), model)
    assert model.clients[1].total == Decimal("36.90")


@pytest.mark.parametrize(
    ("name", "price"), [("Lamp", None), (None, Decimal("0.01")), ("Lamp", Decimal("9999999999.99")), (None, Decimal(0))]
)
def test_a_changed_product_counts_from_the_next_order_on(
    model: WriteModel, name: str | None, price: Decimal | None
) -> None:
    first = place_order(PlaceOrder("demo", 1, (Line(3, 1),)), model)
    events = model.events
    assert change_product(ChangeProduct(3, name, price), model) == Product(3, False)
    assert model.products[3] == (name or "TV", Decimal(1000) if price is None else price)
    assert model.events == events
    assert model.totals == {first.id_order: Decimal(1000)}
    second = place_order(PlaceOrder("demo", 1, (Line(3, 1),)), model)
    assert model.totals[second.id_order] == (Decimal(1000) if price is None else price)


@pytest.mark.parametrize("id_", [4, 99, 2**63 - 1])
def test_what_does_not_exist_is_not_changed(model: WriteModel, id_: int) -> None:
    before = _held(model)
    with pytest.raises(administration.UnknownClient):
        change_client(ChangeClient(id_, "Ann", None, (0,)), model)
    with pytest.raises(administration.UnknownProduct):
        change_product(ChangeProduct(id_, "Lamp", None), model)
    with pytest.raises(ordering.UnknownClient):
        place_order(PlaceOrder("demo", id_, (Line(1, 1),)), model)
    with pytest.raises(ordering.UnknownProducts):
        place_order(PlaceOrder("demo", 1, (Line(1, 1), Line(id_, 1))), model)
    assert _held(model) == before


def test_the_same_key_gives_the_first_answer_and_changes_nothing(model: WriteModel) -> None:
    client = _register(model, "key")
    product = add_product(AddProduct("demo", "Lamp", Decimal("5.00"), "key"), model)
    order = place_order(PlaceOrder("demo", client.id_client, (Line(1, 1),), "key"), model)
    change_client(ChangeClient(client.id_client, "Ann", None), model)
    held = _held(model)
    assert _register(model, "key") == ClientAt(client.id_client, 0, True)
    again = add_product(AddProduct("demo", "Lamp", Decimal(5), "key"), model)
    assert again == Product(product.id_product, True)
    repeated = place_order(PlaceOrder("demo", client.id_client, (Line(1, 1),), "key"), model)
    assert (repeated.id_order, repeated.client_version, repeated.replayed) == (order.id_order, 1, True)
    assert _held(model) == held


def test_the_same_key_for_another_request_is_refused(model: WriteModel) -> None:
    _register(model, "key")
    add_product(AddProduct("demo", "Lamp", Decimal(5), "key"), model)
    place_order(PlaceOrder("demo", 1, (Line(1, 1),), "key"), model)
    held = _held(model)
    with pytest.raises(administration.KeyReused):
        _register(model, "key", name="Ann")
    with pytest.raises(administration.KeyReused):
        add_product(AddProduct("demo", "Lamp", Decimal(6), "key"), model)
    with pytest.raises(ordering.KeyReused):
        place_order(PlaceOrder("demo", 1, (Line(1, 2),), "key"), model)
    assert _held(model) == held


def test_a_key_is_its_callers_own(model: WriteModel) -> None:
    assert not _register(model, "key", "ann").replayed
    assert not _register(model, "key", "ben").replayed
    for principal in ("ann", "ben"):
        assert not add_product(AddProduct(principal, "Lamp", Decimal(5), "key"), model).replayed


def test_without_a_key_each_call_is_a_command(model: WriteModel) -> None:
    assert _register(model).id_client != _register(model).id_client
    ids = {add_product(AddProduct("demo", "Lamp", Decimal(5)), model).id_product for _ in range(2)}
    assert len(ids) == 2


def test_a_refusal_is_not_remembered(model: WriteModel) -> None:
    command = PlaceOrder("demo", 1, (Line(4, 1),), "key")
    with pytest.raises(ordering.UnknownProducts):
        place_order(command, model)
    assert add_product(AddProduct("demo", "Lamp", Decimal(5)), model).id_product == 4
    assert not place_order(command, model).replayed
