"""Views of clients in the cache (functions/common/read_model.py has the keys)."""

from __future__ import annotations

from typing import cast

import redis

from functions.common.cache import Cache
from functions.common.read_model import FIELDS, client_key
from functions.get_client.query import ClientView


class CachedClients:
    """Reads one hash for each query."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def client(self, id_client: int) -> ClientView | None:
        """See `ClientViews`; a hash that lacks a field is a ValueError."""

        def read(client: redis.Redis) -> list[bytes | None]:
            return cast("list[bytes | None]", client.hmget(client_key(id_client), list(FIELDS)))

        values = self._cache.run(read)
        if not any(values):
            return None
        present = [value.decode() for value in values if value is not None]
        name, email, order_count, total, last_purchase, version = present
        return ClientView(
            name, email, total, int(last_purchase) if last_purchase else None, int(order_count), int(version)
        )
