"""A batch of events, folded to what has to be written: each client's newest state, and its orders by version.

Folding saves writes and changes no result: the write compares versions anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from functions.common.events import ClientEvent, ClientState, Order, OrderPlaced
from functions.common.read_model import KEPT_ORDERS


class Change(Struct, gc=False):
    """What one client's events amount to: its newest state, perhaps orders by the version that each made.

    `message_ids` are those of the messages that they came in.
    """

    client: ClientState
    orders: dict[int, Order] = {}
    message_ids: list[str] = []

    def newest_orders(self) -> list[tuple[int, Order]]:
        """The orders that could be among those kept, newest first, with the version that each made."""
        if len(self.orders) == 1:
            return list(self.orders.items())
        return sorted(self.orders.items(), reverse=True)[:KEPT_ORDERS]


def fold(events: Iterable[tuple[str, ClientEvent]]) -> list[Change]:
    """One Change for each client among the events, which come with the ids of their messages."""
    changes: dict[int, Change] = {}
    for message_id, event in events:
        client = event.data.client
        orders = {client.version: event.data.order} if type(event) is OrderPlaced else {}
        change = changes.get(client.id)
        if change is None:
            changes[client.id] = Change(client, orders, [message_id])
            continue
        if client.version > change.client.version:
            change.client = client
        change.orders.update(orders)
        change.message_ids.append(message_id)
    return list(changes.values())
