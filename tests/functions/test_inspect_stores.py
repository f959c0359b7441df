"""What the doctor is told of the stores, on real servers and with the rights that the function has."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from functions.common.cache import Cache, one_shard
from functions.common.settings import CacheSettings
from functions.heartbeat.store import PostgresBeats
from functions.inspect_stores import database, handler, read_model
from infra.cache import _PERMISSIONS
from tests.functions.migrated import Orders
from twin.servers.valkey import ValkeyServer

BEAT = {"beat": "1795242600123456", "arrived_ms": "1795242600200"}


@pytest.fixture
def client(cache: redis.Redis, valkey: ValkeyServer) -> Iterator[redis.Redis]:
    """The cache with the inspector's rights on AWS."""
    execute: Any = cache.execute_command  # redis-py leaves it without types
    execute("ACL", "SETUSER", "inspector", "reset", ">password", *_PERMISSIONS["inspector"].split())
    found = one_shard(CacheSettings(valkey.host, valkey.port, False, "none", "", ""))
    found.connection_pool.connection_kwargs.update(username="inspector", password="password")
    yield found
    found.close()
    cache.acl_deluser("inspector")


def test_the_database_tells_of_its_slots_outbox_and_connections(orders: Orders) -> None:
    operator = orders.database_as("operator")
    PostgresBeats(operator).take()
    slot = f"{orders.settings.name}_slot"
    orders.rows("select pg_create_logical_replication_slot(%s, 'test_decoding')", (slot,))
    try:
        found = database.inspect(operator)
    finally:
        orders.rows("select pg_drop_replication_slot(%s)", (slot,))
        operator.close()
    [ours] = [each for each in found["slots"] if each["of_this_database"]]
    assert (ours["name"], ours["plugin"], ours["active"], ours["wal_status"]) == (
        slot,
        "test_decoding",
        False,
        "reserved",
    )
    assert ours["restart_lsn"]
    assert ours["confirmed_lsn"]
    assert 0 <= ours["retained_bytes"] < 2**30
    assert (found["in_recovery"], found["outbox_rows"], found["clients"]) == (False, 1, 3)
    assert 0 <= found["outbox_oldest_s"] < 600
    # This connection and the master's.
    assert 2 <= found["connections_used"] <= found["connections_max"]
    assert found["version"]


def test_an_empty_outbox_has_no_oldest_event(orders: Orders) -> None:
    operator = orders.database_as("operator")
    found = database.inspect(operator)
    operator.close()
    assert (found["outbox_rows"], found["outbox_oldest_s"]) == (0, None)


def test_the_cache_tells_of_its_memory_and_its_heartbeat(cache: redis.Redis, client: redis.Redis) -> None:
    cache.hset("client:{1}", "name", "Bob")
    found = read_model.inspect(Cache(client))
    assert (found["role"], found["keys"], found["heartbeat"], found["evicted_keys"]) == ("master", 1, None, 0)
    assert found["memory_used"] > 0
    assert found["connections"] >= 1
    assert found["version"]
    cache.hset("heartbeat", mapping={"beat": 7_000, "arrived_ms": round((time.time() - 60) * 1000)})
    beat = read_model.inspect(Cache(client))["heartbeat"]
    assert beat["beat"] == 7_000
    assert 60 <= beat["age_s"] < 120


def test_the_inspector_sees_no_client_and_changes_nothing(cache: redis.Redis, client: redis.Redis) -> None:
    cache.hset("client:{1}", "name", "Bob")
    for command in (
        ["HGETALL", "client:{1}"], ["HMGET", "client:{1}", "name"], ["KEYS", "*"], ["SCAN", "0"],
        ["HSET", "heartbeat", "beat", "1"], ["DEL", "heartbeat"], ["FLUSHALL"], ["CONFIG", "GET", "*"],
        ["CLIENT", "LIST"],
    ):  # fmt: skip
        execute: Any = client.execute_command
        with pytest.raises(NoPermissionError):
            execute(*command)


def test_one_store_out_of_reach_hides_nothing_of_the_other(
    orders: Orders, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = orders.database_as("operator")
    monkeypatch.setattr(handler, "write_store", lambda: operator)
    monkeypatch.setattr(
        handler, "read_store", lambda: Cache(one_shard(CacheSettings("127.0.0.1", 1, False, "none", "", "")))
    )
    found = handler.handle({}, None)
    assert found["database"]["clients"] == 3
    assert "could not be reached" in found["cache"]["error"]
    operator.close()
    # As Lambda answers it.
    assert json.loads(json.dumps(found)) == found
