"""Both queries over the read model in memory and in Valkey, each fed with events: the same suite for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any, Protocol, cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.common.cache import Cache
from functions.common.errors import NotYetProjected
from functions.common.events import ClientEvent
from functions.get_client.query import ClientView, ClientViews, GetClient, get_client
from functions.get_client.view import CachedClients
from functions.list_orders.query import LineView, ListOrders, OrdersView, OrderView, OrderViews, list_orders
from functions.list_orders.view import CachedOrders
from functions.project_clients.fold import fold
from functions.project_clients.writer import ReadModelWriter
from tests.functions.memory import MemoryReadModel
from tests.functions.samples import SECONDS, client_event, decode_client, message, order_placed

MAIL = "bob@anemailprovider.com"
TOP = 2**63 - 1


class ReadModel(ClientViews, OrderViews, Protocol):
    """The views, and a way to feed them."""

    def project(self, events: Iterable[ClientEvent]) -> None: ...


class CachedReadModel:
    """The views over Valkey, fed by the projector's fold and writer."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = CachedClients(Cache(client)).client
        self.orders = CachedOrders(Cache(client)).orders
        self._writer = ReadModelWriter(client)

    def project(self, events: Iterable[ClientEvent]) -> None:
        assert self._writer.write([fold((event.id, event) for event in events)]) == []


def _connect(cache: redis.Redis) -> redis.Redis:
    """A client like the functions'; the test's own decodes answers."""
    arguments = cache.connection_pool.connection_kwargs
    return redis.Redis(host=arguments["host"], port=arguments["port"], protocol=2)


@pytest.fixture(params=["memory", "valkey"])
def model(request: pytest.FixtureRequest) -> Iterator[ReadModel]:
    if request.param == "memory":
        yield MemoryReadModel()
        return
    with _connect(request.getfixturevalue("cache")) as client:
        yield cast("ReadModel", CachedReadModel(client))


def registered(id_client: int = 1) -> ClientEvent:
    return decode_client(message(client_event("ClientRegistered", id_client, 0)))


def changed(version: int, order_count: int, name: str = "Robert", id_client: int = 1) -> ClientEvent:
    return decode_client(message(client_event("ClientChanged", id_client, version, order_count, name)))


def placed(version: int, order_count: int, name: str = "Bob", id_client: int = 1) -> ClientEvent:
    payload = order_placed(id_client, version, name=name)
    payload["data"]["client"].update(order_count=order_count, total=f"{order_count * 3000}.00")
    return decode_client(message(payload))


def order(version: int) -> OrderView:
    return OrderView(version, "3000.00", SECONDS, (LineView(1, "1500.00", 1), LineView(2, "500.00", 3)))


def _seen(model: ReadModel, id_client: int = 1, version: int | None = None) -> tuple[Any, Any]:
    return get_client(GetClient(id_client, version), model, 0), list_orders(ListOrders(id_client, version), model, 0)


def test_nobody_knows_a_client_without_an_event(model: ReadModel) -> None:
    model.project([registered(2)])
    assert _seen(model) == (None, None)


def test_a_client_who_never_ordered_has_a_total_of_0_and_no_orders(model: ReadModel) -> None:
    model.project([registered()])
    assert _seen(model) == (ClientView("Bob", MAIL, "0.00", None, 0, 0), OrdersView(0, ()))


def test_a_changed_client_who_never_ordered_has_a_total_of_0(model: ReadModel) -> None:
    model.project([registered()])
    model.project([changed(1, 0)])
    assert _seen(model) == (ClientView("Robert", MAIL, "0.00", None, 0, 1), OrdersView(1, ()))


def test_a_change_after_an_order_keeps_its_totals_and_its_orders(model: ReadModel) -> None:
    model.project([registered(), placed(1, 1)])
    model.project([changed(2, 1)])
    assert _seen(model) == (ClientView("Robert", MAIL, "3000.00", SECONDS, 1, 2), OrdersView(2, (order(1),)))


HISTORY = (registered(), placed(1, 1), changed(2, 1), placed(3, 2, "Robert"))


@pytest.mark.parametrize(
    "arrival", list(permutations(HISTORY)), ids=lambda a: "".join(str(e.client.version) for e in a)
)
def test_any_order_of_arrival_ends_in_the_same(model: ReadModel, arrival: Sequence[ClientEvent]) -> None:
    for event in arrival:
        model.project([event])
    assert _seen(model) == (
        ClientView("Robert", MAIL, "6000.00", SECONDS, 2, 3), OrdersView(3, (order(3), order(1)))
    )  # fmt: skip


def _events(kinds: Sequence[bool]) -> list[ClientEvent]:
    """A client's life: its registration, then for each version an order or a change."""
    events, count = [registered()], 0
    for version, is_order in enumerate(kinds, start=1):
        count += is_order
        events.append(placed(version, count) if is_order else changed(version, count))
    return events


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.booleans(), max_size=70), data=st.data())
def test_memory_and_server_agree_on_any_delivery(cache: redis.Redis, kinds: list[bool], data: st.DataObject) -> None:
    cache.flushall()
    events = _events(kinds)
    delivered = data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=2 * len(events)))
    size = data.draw(st.integers(1, 30))
    memory = MemoryReadModel()
    with _connect(cache) as client:
        server = CachedReadModel(client)
        for start in range(0, len(delivered), size):
            server.project(delivered[start : start + size])
            memory.project(delivered[start : start + size])
            assert _seen(cast("ReadModel", server)) == _seen(memory)


def test_the_last_fifty_orders_are_kept_among_changes(model: ReadModel) -> None:
    for event in _events([version % 3 != 0 for version in range(1, 121)]):
        model.project([event])
    (_, listed) = _seen(model)
    expected = [version for version in range(120, 0, -1) if version % 3 != 0][:50]
    assert [one.id_order for one in listed.orders] == expected


@pytest.mark.parametrize("version", [0, 3])
def test_a_version_that_is_there_is_seen(model: ReadModel, version: int) -> None:
    model.project(HISTORY)
    assert _seen(model, version=version)[0].version == 3


def test_version_0_is_one_to_wait_for(model: ReadModel) -> None:
    for ask in (get_client, list_orders):
        query: Any = (GetClient if ask is get_client else ListOrders)(1, 0)
        with pytest.raises(NotYetProjected):
            cast("Any", ask)(query, model, 0)
    model.project([registered()])
    assert _seen(model, version=0)[1] == OrdersView(0, ())


@pytest.mark.parametrize("version", [4, TOP])
def test_a_version_that_is_not_there_is_not_answered(model: ReadModel, version: int) -> None:
    model.project(HISTORY)
    with pytest.raises(NotYetProjected):
        get_client(GetClient(1, version), model, 0)
    with pytest.raises(NotYetProjected):
        list_orders(ListOrders(1, version), model, 0)


def test_the_greatest_numbers_are_seen_as_they_are(model: ReadModel) -> None:
    model.project([changed(TOP, TOP % 10**7, id_client=TOP)])
    (client, listed) = _seen(model, TOP, TOP)
    assert (client.version, listed.version, client.order_count) == (TOP, TOP, TOP % 10**7)
