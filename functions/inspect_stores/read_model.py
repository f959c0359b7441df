"""What the cache says about itself, and the last heartbeat in it. No key of a client is read."""

from __future__ import annotations

import time
from typing import Any, cast

import redis

from functions.common.cache import Cache, Client
from functions.common.read_model import HEARTBEAT_FIELDS, HEARTBEAT_KEY


def inspect(cache: Cache) -> dict[str, Any]:
    """Version, role, memory, evicted keys, connections, keys and the last heartbeat; sizes in bytes, ages in seconds.

    memory_max is 0 where there is no bound; heartbeat is None if none is there. Of several shards the memory is that of
    the fullest, connections are those of the shard that has most, and the rest is of all together.

    Raises CacheUnavailable.
    """
    infos, keys, beat = cache.run(_read)
    fullest = max(infos, key=lambda info: int(info["used_memory"]))
    return {
        "version": str(fullest.get("valkey_version") or fullest.get("redis_version") or ""),
        "role": str(fullest["role"]),
        "memory_used": int(fullest["used_memory"]),
        "memory_max": int(fullest["maxmemory"]),
        "evicted_keys": sum(int(info["evicted_keys"]) for info in infos),
        "connections": max(int(info["connected_clients"]) for info in infos),
        "keys": keys,
        "heartbeat": _heartbeat(beat),
    }


def _read(client: Client) -> tuple[list[dict[str, Any]], int, list[bytes | None]]:
    client.ping()
    if isinstance(client, redis.RedisCluster):
        primaries = redis.RedisCluster.PRIMARIES
        infos: Any = list(client.info(target_nodes=primaries).values())
        keys = client.dbsize(target_nodes=primaries)
    else:
        infos, keys = [client.info()], client.dbsize()
    return (
        infos,
        keys,
        cast("list[bytes | None]", client.hmget(HEARTBEAT_KEY, list(HEARTBEAT_FIELDS))),
    )


def _heartbeat(values: list[bytes | None]) -> dict[str, int] | None:
    if None in values:
        return None
    beat, arrived_ms = (int(value or 0) for value in values)
    return {"beat": beat, "arrived_ms": arrived_ms, "age_s": max(0, round(time.time() - arrived_ms / 1000))}
