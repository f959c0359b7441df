"""Views of clients in the cache (functions/common/read_model.py has the keys)."""

from __future__ import annotations

import time
from collections.abc import Callable

from functions.common.cache import Cache
from functions.common.generations import Generations
from functions.common.read_model import FIELDS, client_key
from functions.get_client.query import ClientView


class CachedClients:
    """Reads one hash for each query."""

    def __init__(self, cache: Cache, clock: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._generations = Generations(clock)

    def client(self, id_client: int) -> ClientView | None:
        """See `ClientViews`; a hash that lacks a field is a ValueError."""
        [values] = self._generations.read(
            self._cache, lambda client, active: client.hmget(client_key(id_client, active), FIELDS)
        )
        if not any(values):
            return None
        present = [value.decode() for value in values if value is not None]
        name, email, order_count, total, last_purchase, version = present
        return ClientView(
            name, email, total, int(last_purchase) if last_purchase else None, int(order_count), int(version)
        )
