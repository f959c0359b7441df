"""A batch of events, folded to what has to be written: each client's newest state, and its orders by version.

Folding saves writes and changes no result: the write compares versions anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from functions.common.events import ClientEvent, ClientState, Order, OrderPlaced
from functions.common.read_model import KEPT_ORDERS


class Change:
    """What one client's events amount to, perhaps without an order, and which messages they came in."""

    __slots__ = ("client", "message_ids", "orders")

    def __init__(self, client: ClientState) -> None:
        self.client = client
        self.orders: dict[int, Order] = {}
        self.message_ids: list[str] = []

    def newest_orders(self) -> list[tuple[int, Order]]:
        """The orders that could be among those kept, newest first, with the version that each made."""
        if len(self.orders) == 1:
            return list(self.orders.items())
        return sorted(self.orders.items(), reverse=True)[:KEPT_ORDERS]


def fold(events: Iterable[tuple[str, ClientEvent]]) -> list[Change]:
    """One Change for each client among the events, which come with the ids of their messages."""
    changes: dict[int, Change] = {}
    for message_id, event in events:
        client = event.client
        change = changes.get(client.id)
        if change is None:
            change = changes[client.id] = Change(client)
        elif client.version > change.client.version:
            change.client = client
        if type(event) is OrderPlaced:
            change.orders[client.version] = event.order
        change.message_ids.append(message_id)
    return list(changes.values())
