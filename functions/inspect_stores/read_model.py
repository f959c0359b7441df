"""What the cache says about itself, and the last heartbeat in it. No key of a client is read."""

from __future__ import annotations

import time
from typing import Any, cast

import redis

from functions.common.cache import Cache
from functions.common.read_model import HEARTBEAT_FIELDS, HEARTBEAT_KEY


def inspect(cache: Cache) -> dict[str, Any]:
    """Version, role, memory, evicted keys, connections, keys and the last heartbeat; sizes in bytes, ages in seconds.

    memory_max is 0 where there is no bound; heartbeat is None if none is there.

    Raises CacheUnavailable.
    """
    info, keys, beat = cache.run(_read)
    return {
        "version": str(info.get("valkey_version") or info.get("redis_version") or ""),
        "role": str(info["role"]),
        "memory_used": int(info["used_memory"]),
        "memory_max": int(info["maxmemory"]),
        "evicted_keys": int(info["evicted_keys"]),
        "connections": int(info["connected_clients"]),
        "keys": keys,
        "heartbeat": _heartbeat(beat),
    }


def _read(client: redis.Redis) -> tuple[dict[str, Any], int, list[bytes | None]]:
    client.ping()
    return (
        client.info(),
        client.dbsize(),
        cast("list[bytes | None]", client.hmget(HEARTBEAT_KEY, list(HEARTBEAT_FIELDS))),
    )


def _heartbeat(values: list[bytes | None]) -> dict[str, int] | None:
    if None in values:
        return None
    beat, arrived_ms = (int(value or 0) for value in values)
    return {"beat": beat, "arrived_ms": arrived_ms, "age_s": max(0, round(time.time() - arrived_ms / 1000))}
