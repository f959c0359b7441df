"""Views of orders in the cache (functions/common/read_model.py has the keys and the JSON)."""

from __future__ import annotations

import json
from typing import cast

import redis

from functions.common.cache import Cache
from functions.common.read_model import client_key, orders_key
from functions.list_orders.query import LineView, OrdersView, OrderView


class CachedOrders:
    """Reads version and orders in one round trip.

    No transaction, which a user that may only read has no right to: the version is read first, so the orders are at
    least as new. If they are newer, the entity tag is one behind, and the caller's next look gets all again.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def orders(self, id_client: int) -> OrdersView | None:
        """See `OrderViews`."""

        def read(client: redis.Redis) -> tuple[bytes | None, list[bytes]]:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.hget(client_key(id_client), "version")
                pipeline.zrevrange(orders_key(id_client), 0, -1)
                return cast("tuple[bytes | None, list[bytes]]", tuple(pipeline.execute()))

        version, members = self._cache.run(read)
        if version is None:
            return None
        return OrdersView(int(version), tuple(map(_order, members)))


def _order(member: bytes) -> OrderView:
    order = json.loads(member)
    lines = tuple(LineView(line["id"], line["price"], line["qty"]) for line in order["lines"])
    return OrderView(order["id"], order["total"], order["placed_at"], lines)
