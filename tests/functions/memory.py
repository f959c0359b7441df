"""The write model and the read model in memory: what PostgreSQL's functions and Valkey's script do, one at a time.

The suites of commands and queries run against these and against the servers, so that a test over one of them says
something about the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from functions.administer import errors as administration
from functions.administer.commands import AddProduct, ChangeClient, ChangeProduct, ClientAt, Product, RegisterClient
from functions.common.events import (
    CLIENT_CHANGED,
    CLIENT_REGISTERED,
    ORDER_PLACED,
    ClientEvent,
    OrderLine,
    OrderPlaced,
)
from functions.common.read_model import KEPT_ORDERS
from functions.get_client.query import ClientView
from functions.list_orders.query import LineView, OrdersView, OrderView
from functions.place_order import errors as ordering
from functions.place_order.command import Placed, PlaceOrder

Answer = TypeVar("Answer", Placed, ClientAt, Product)


@dataclass(frozen=True)
class Client:
    """A row of the table client, without what the clock decides."""

    name: str
    email: str
    version: int = 0
    order_count: int = 0
    total: Decimal = Decimal("0.00")


@dataclass
class MemoryWriteModel:
    """Clients, products, orders' totals, events as (type, client, version), and answers by key."""

    clients: dict[int, Client] = field(
        default_factory=lambda: {
            number: Client(name, f"{name.lower()}@anemailprovider.com")
            for number, name in enumerate(("Bob", "Alice", "John"), start=1)
        }
    )
    products: dict[int, tuple[str, Decimal]] = field(
        default_factory=lambda: {
            1: ("Computer", Decimal("1500.00")), 2: ("Phone", Decimal("500.00")), 3: ("TV", Decimal("1000.00"))
        }
    )  # fmt: skip
    totals: dict[int, Decimal] = field(default_factory=dict)
    events: list[tuple[str, int, int]] = field(default_factory=list)
    answers: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def place(self, key: str, request_hash: str, command: PlaceOrder) -> Placed:
        """See `OrderStore`."""
        client = self.clients.get(command.id_client)
        if client is None:
            raise ordering.UnknownClient

        def carry_out() -> Placed:
            unknown = {line.id_product for line in command.lines} - self.products.keys()
            if unknown:
                raise ordering.UnknownProducts(frozenset(unknown))
            total = sum((self.products[line.id_product][1] * line.quantity for line in command.lines), Decimal())
            id_order = len(self.totals) + 1
            self.totals[id_order] = total
            version, count = client.version + 1, client.order_count + 1
            changed = replace(client, version=version, order_count=count, total=client.total + total)
            self._keep(command.id_client, changed, ORDER_PLACED)
            return Placed(id_order, version, False)

        return self._once(key, request_hash, carry_out, ordering.KeyReused)

    def register_client(self, key: str, request_hash: str, command: RegisterClient) -> ClientAt:
        """See `Administration`."""

        def carry_out() -> ClientAt:
            id_client = max(self.clients) + 1
            self._keep(id_client, Client(command.name, command.email), CLIENT_REGISTERED)
            return ClientAt(id_client, 0, False)

        return self._once(key, request_hash, carry_out, administration.KeyReused)

    def change_client(self, key: str, request_hash: str, command: ChangeClient) -> ClientAt:
        """See `Administration`."""
        client = self.clients.get(command.id_client)
        if client is None:
            raise administration.UnknownClient

        def carry_out() -> ClientAt:
            if command.expected_versions is not None and client.version not in command.expected_versions:
                raise administration.AnotherVersion(client.version)
            changed = replace(client, name=command.name or client.name, email=command.email or client.email)
            if changed == client:
                return ClientAt(command.id_client, client.version, False)
            self._keep(command.id_client, replace(changed, version=client.version + 1), CLIENT_CHANGED)
            return ClientAt(command.id_client, client.version + 1, False)

        return self._once(key, request_hash, carry_out, administration.KeyReused)

    def add_product(self, key: str, request_hash: str, command: AddProduct) -> Product:
        """See `Administration`."""

        def carry_out() -> Product:
            id_product = max(self.products) + 1
            self.products[id_product] = (command.name, command.price)
            return Product(id_product, False)

        return self._once(key, request_hash, carry_out, administration.KeyReused)

    def change_product(self, key: str, request_hash: str, command: ChangeProduct) -> Product:
        """See `Administration`."""
        if command.id_product not in self.products:
            raise administration.UnknownProduct
        name, price = self.products[command.id_product]
        price = price if command.price is None else command.price
        self.products[command.id_product] = (command.name or name, price)
        return Product(command.id_product, False)

    def _keep(self, id_client: int, client: Client, event: str) -> None:
        self.clients[id_client] = client
        self.events.append((event, id_client, client.version))

    def _once(self, key: str, request_hash: str, carry_out: Callable[[], Answer], reused: type[Exception]) -> Answer:
        if key in self.answers:
            known_hash, known = self.answers[key]
            if known_hash != request_hash:
                raise reused
            repeated: Answer = replace(known, replayed=True)
            return repeated
        answer = carry_out()
        self.answers[key] = (request_hash, answer)
        return answer


@dataclass
class MemoryReadModel:
    """What the projector makes of events, and the views of it."""

    states: dict[int, Any] = field(default_factory=dict)
    listed: dict[int, dict[int, Any]] = field(default_factory=dict)

    def project(self, events: Iterable[ClientEvent]) -> None:
        """Take events in any order."""
        for event in events:
            known = self.states.get(event.client.id)
            if known is None or event.client.version > known.version:
                self.states[event.client.id] = event.client
            if isinstance(event, OrderPlaced):
                self.listed.setdefault(event.client.id, {})[event.client.version] = event.order

    def client(self, id_client: int) -> ClientView | None:
        """See `ClientViews`."""
        state = self.states.get(id_client)
        if state is None:
            return None
        return ClientView(state.name, state.email, state.total, state.last_purchase, state.order_count, state.version)

    def orders(self, id_client: int) -> OrdersView | None:
        """See `OrderViews`."""
        state = self.states.get(id_client)
        if state is None:
            return None
        newest = sorted(self.listed.get(id_client, {}).items(), reverse=True)[:KEPT_ORDERS]
        return OrdersView(state.version, tuple(
            OrderView(order.id, order.total, order.placed_at, tuple(map(_line, order.lines)))
            for _, order in newest
        ))  # fmt: skip


def _line(line: OrderLine) -> LineView:
    return LineView(line.id_product, line.price, line.quantity)
