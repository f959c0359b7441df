"""Views of orders in the cache (functions/common/read_model.py has the keys and the JSON)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from functions.common.cache import Cache
from functions.common.generations import Generations
from functions.common.read_model import client_key, orders_key
from functions.list_orders.query import LineView, OrdersView, OrderView


class CachedOrders:
    """Reads version and orders in one round trip.

    No transaction, which a user that may only read has no right to: the version is read first, so the orders are at
    least as new. If they are newer, the entity tag is one behind, and the caller's next look gets all again.
    """

    def __init__(self, cache: Cache, clock: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._generations = Generations(clock)

    def orders(self, id_client: int) -> OrdersView | None:
        """See `OrderViews`."""
        version, members = self._generations.read(
            self._cache,
            lambda client, active: client.hget(client_key(id_client, active), "version"),
            lambda client, active: client.zrevrange(orders_key(id_client, active), 0, -1),
        )
        if version is None:
            return None
        # Parsed at once: each call has a cost of its own.
        orders = json.loads(b"[%b]" % b",".join(members))
        return OrdersView(int(version), tuple(map(_order, orders)))


def _order(order: dict[str, Any]) -> OrderView:
    lines = tuple(LineView(line["id"], line["price"], line["qty"]) for line in order["lines"])
    return OrderView(order["id"], order["total"], order["placed_at"], lines)
