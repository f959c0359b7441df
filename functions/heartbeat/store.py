"""Beats in PostgreSQL (migrations/0009_heartbeat.sql) and in the cache (functions/common/read_model.py)."""

from __future__ import annotations

from typing import cast

from functions.common.cache import Cache, Client
from functions.common.database import Database
from functions.common.read_model import HEARTBEAT_FIELDS, HEARTBEAT_KEY
from functions.heartbeat.beat import Arrival


class PostgresBeats:
    """Writes beats over a `Database` that is logged in as operator."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self) -> int:
        """See `Source`. May run twice after a lost answer: then there is one beat more, which does no harm."""
        return int(self._database.repeatable("select take_heartbeat()", ())[0])

    def oldest_after(self, beat: int) -> int | None:
        """See `Source`."""
        age = self._database.repeatable("select heartbeat_age(%s)", (beat,))[0]
        return None if age is None else int(age)


class CachedBeats:
    """Reads what the projector wrote."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def newest(self) -> Arrival | None:
        """See `Target`."""

        def read(client: Client) -> list[bytes | None]:
            return cast("list[bytes | None]", client.hmget(HEARTBEAT_KEY, list(HEARTBEAT_FIELDS)))

        values = self._cache.run(read)
        if None in values:
            return None
        beat, arrived_ms = (int(value or 0) for value in values)
        return Arrival(beat, max(0, arrived_ms - beat // 1000))
