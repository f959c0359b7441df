"""The query ListOrders, its result, and its one handler. Reads the read model only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from functions.common.freshness import read_at_least


@dataclass(frozen=True)
class ListOrders:
    """A wish to see a client's last orders as of `min_version` at least; None takes what is there."""

    id_client: int
    min_version: int | None = None


# Named tuples, as there are a hundred of them in an answer: a frozen dataclass takes three times as long to make.
class LineView(NamedTuple):
    """So many of a product, at `price` (decimal text) each."""

    id_product: int
    price: str
    quantity: int


class OrderView(NamedTuple):
    """One order. `total` is decimal text, `placed_at` epoch seconds."""

    id_order: int
    total: str
    placed_at: int
    lines: tuple[LineView, ...]


@dataclass(frozen=True)
class OrdersView:
    """A client's last orders (50 at most), newest first, when its version was `version`."""

    version: int
    orders: tuple[OrderView, ...]


class OrderViews(Protocol):
    """Where views of orders are."""

    def orders(self, id_client: int) -> OrdersView | None:
        """The client's orders, None if the client is unknown. Raises CacheUnavailable."""
        ...


def list_orders(query: ListOrders, views: OrderViews, wait_ms: int) -> OrdersView | None:
    """Answer the query, waiting up to `wait_ms` for the version it names.

    Raises NotYetProjected if that version does not come in time, CacheUnavailable.
    """
    return read_at_least(lambda: views.orders(query.id_client), query.min_version, wait_ms)
