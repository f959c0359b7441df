"""The projector and the queries on a cluster of three shards: what they promise on one server holds there too."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, cast

import pytest
import redis
from redis.crc import key_slot

from functions.common.cache import Cache, several_shards
from functions.common.errors import CacheUnavailable
from functions.common.read_model import CONTROL, client_key, orders_key
from functions.common.settings import CacheSettings
from functions.get_client import handler as get_client
from functions.heartbeat.store import CachedBeats
from functions.inspect_stores import read_model
from functions.list_orders import handler as list_orders
from functions.project_clients import handler as project_clients
from tests.functions.samples import batch, failed, get, heartbeat, message, order_placed, problem
from twin.servers.valkey_cluster import SLOTS, ValkeyCluster

CLIENTS = range(1, 61)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    cluster = ValkeyCluster(tmp_path_factory.mktemp("cluster"), settings={"appendonly": "no"})
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def cluster(shards: ValkeyCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.RedisCluster]:
    """A client of the empty cluster; the functions' environment leads there."""
    node = shards.nodes[0]
    for name, value in {
        "CACHE_HOST": node.host, "CACHE_PORT": str(node.port), "CACHE_TLS": "false", "CACHE_AUTH": "none",
        "CACHE_CLUSTER": "true", "READ_WAIT_MS": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    _forget()
    client = redis.RedisCluster(host=node.host, port=node.port, decode_responses=True)
    client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    client.script_flush()
    yield client
    client.close()
    _forget()


def _forget() -> None:
    for cached in (project_clients.read_model, get_client.views, list_orders.views):
        cached.cache_clear()


def _event(id_client: int, version: int) -> str:
    return message(order_placed(id_client, version, id_order=id_client * 1000 + version))


def _project(*bodies: str) -> set[str]:
    return failed(project_clients.handle(batch(*bodies), None))


def _state(shards: ValkeyCluster) -> dict[str, Any]:
    """All that each shard holds, told by the shards themselves."""
    state: dict[str, Any] = {}
    for node in shards.nodes:
        client = node.client()
        for key in cast("list[str]", client.keys("*")):
            is_hash = client.type(key) == "hash"
            state[key] = client.hgetall(key) if is_hash else client.zrange(key, 0, -1, withscores=True)
    return state


def _read(function: Any, path: str, id_client: int, **query: str) -> Any:
    return function.handle(get(path.format(id_client), str(id_client), query), None)


@pytest.mark.usefixtures("cluster")
def test_the_clients_of_a_batch_are_in_all_shards(shards: ValkeyCluster) -> None:
    assert _project(*(_event(client, 1) for client in CLIENTS)) == set()
    assert all(node.client().dbsize() > 10 for node in shards.nodes)
    assert set(_state(shards)) == {key(client) for client in CLIENTS for key in (client_key, orders_key)}


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_repetition_give_the_same(shards: ValkeyCluster, cluster: redis.RedisCluster, seed: int) -> None:
    events = [(client, version) for client in CLIENTS[:8] for version in range(1, 55, 3)]
    assert _project(*(_event(*pair) for pair in events)) == set()
    expected = _state(shards)
    assert {expected[client_key(client)]["version"] for client in CLIENTS[:8]} == {"52"}
    cluster.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    delivered = events * 2
    random.Random(seed).shuffle(delivered)
    for start in range(0, len(delivered), 37):
        assert _project(*(_event(*pair) for pair in delivered[start : start + 37])) == set()
    assert _state(shards) == expected


@pytest.mark.usefixtures("cluster")
def test_queries_find_what_was_projected() -> None:
    assert _project(*(_event(client, version) for client in CLIENTS[:9] for version in (1, 2))) == set()
    for client in CLIENTS[:9]:
        found = json.loads(_read(get_client, "/clients/{}", client, min_version="2")["body"])
        assert found["version"] == 2
        listed = json.loads(_read(list_orders, "/clients/{}/orders", client)["body"])
        assert [order["id_order"] for order in listed["orders"]] == [client * 1000 + 2, client * 1000 + 1]
    problem(_read(get_client, "/clients/{}", 99), 404)
    problem(_read(get_client, "/clients/{}", 1, min_version="3"), 503)


def test_damaged_events_and_refused_clients_fail_alone(cluster: redis.RedisCluster) -> None:
    cluster.set(orders_key(3), "of another type")
    bodies = [_event(client, 1) for client in CLIENTS[:6]]
    assert _project(*bodies, "{") == {"m2", "m6"}
    assert [cluster.exists(client_key(client)) for client in CLIENTS[:6]] == [1, 1, 0, 1, 1, 1]


def test_a_generation_that_is_filled_is_written_beside_the_active_one(cluster: redis.RedisCluster) -> None:
    cluster.hset(CONTROL, mapping={"active": "b:", "filling": ""})
    assert _project(*(_event(client, 1) for client in CLIENTS[:6])) == set()
    for client in CLIENTS[:6]:
        assert cluster.exists(client_key(client), orders_key(client)) == 2
        assert cluster.exists(client_key(client, "b:"), orders_key(client, "b:")) == 2
    assert _read(get_client, "/clients/{}", 1)["statusCode"] == 200


def test_a_generation_that_begins_in_the_middle_of_a_batch_is_written(cluster: redis.RedisCluster) -> None:
    assert _project(_event(1, 1)) == set()
    cluster.hset(CONTROL, mapping={"active": "", "filling": "b:"})
    # What it knows of the control is not yet old.
    assert _project(*(_event(client, 2) for client in CLIENTS[:6])) == set()
    assert all(cluster.hget(client_key(client, "b:"), "version") == "2" for client in CLIENTS[:6])


def test_a_shard_that_forgot_the_script_is_given_it(cluster: redis.RedisCluster) -> None:
    assert _project(*(_event(client, 1) for client in CLIENTS)) == set()
    cluster.script_flush()
    assert _project(*(_event(client, 2) for client in CLIENTS)) == set()
    assert {cluster.hget(client_key(client), "version") for client in CLIENTS} == {"2"}


@pytest.mark.usefixtures("cluster")
def test_dead_connections_are_replaced_within_the_batch(shards: ValkeyCluster) -> None:
    assert _project(*(_event(client, 1) for client in CLIENTS)) == set()
    for node in shards.nodes:
        node.client().client_kill_filter(_type="normal", skipme=True)
    assert _project(*(_event(client, 2) for client in CLIENTS)) == set()
    for node in shards.nodes:
        node.client().client_kill_filter(_type="normal", skipme=True)
    assert _read(get_client, "/clients/{}", 1, min_version="2")["statusCode"] == 200


def test_a_slot_that_moved_is_followed(shards: ValkeyCluster, cluster: redis.RedisCluster) -> None:
    assert _project(*(_event(client, 1) for client in CLIENTS)) == set()
    assert _read(get_client, "/clients/{}", 1)["statusCode"] == 200
    cluster.delete(client_key(1), orders_key(1))
    slot = key_slot(client_key(1).encode())
    was = slot * len(shards.nodes) // SLOTS
    shards.move(slot, (was + 1) % len(shards.nodes))
    try:
        assert _project(_event(1, 2), *(_event(client, 2) for client in CLIENTS)) == set()
        for client in CLIENTS:
            assert _read(get_client, "/clients/{}", client, min_version="2")["statusCode"] == 200
        cluster.delete(client_key(1), orders_key(1))
    finally:
        shards.move(slot, was)


def test_a_client_whose_slot_is_on_its_way_fails_alone(shards: ValkeyCluster, cluster: redis.RedisCluster) -> None:
    slot = key_slot(client_key(1).encode())
    was = slot * len(shards.nodes) // SLOTS
    source, target = shards.commands()[was], shards.commands()[(was + 1) % len(shards.nodes)]
    target("CLUSTER", "SETSLOT", slot, "IMPORTING", source("CLUSTER", "MYID"))
    source("CLUSTER", "SETSLOT", slot, "MIGRATING", target("CLUSTER", "MYID"))
    try:
        assert _project(*(_event(client, 1) for client in CLIENTS[:6])) == {"m0"}
        shards.move(slot, (was + 1) % len(shards.nodes))
        assert _project(_event(1, 1)) == set()
        assert _read(get_client, "/clients/{}", 1)["statusCode"] == 200
    finally:
        cluster.delete(client_key(1), orders_key(1))
        shards.move(slot, was)


def _deliver(bodies: list[str]) -> None:
    """Project until nothing fails: what does comes again, as from the queue."""
    for _ in range(100):
        again = _project(*bodies)
        bodies = [body for index, body in enumerate(bodies) if f"m{index}" in again]
        if not bodies:
            return
    raise AssertionError(f"{len(bodies)} of the events are refused for good.")


def _migrated(source: Any) -> bool:
    state = source("CLUSTER", "GETSLOTMIGRATIONS")[0]["state"]
    assert state not in ("failed", "canceled"), state
    return bool(state == "success")


@pytest.mark.usefixtures("cluster")
def test_nothing_is_lost_while_clients_move_to_another_shard(shards: ValkeyCluster) -> None:
    assert _project(*(_event(client, 1) for client in CLIENTS)) == set()
    commands = shards.commands()
    version = 1
    for source, target in ((commands[0], commands[1]), (commands[1], commands[0])):
        source("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, SLOTS // 4, "NODE", target("CLUSTER", "MYID"))
        moved = False
        while not moved:
            # Once more after they have moved.
            moved, version = _migrated(source), version + 1
            _deliver([_event(client, version) for client in CLIENTS])
            for client in CLIENTS[:9]:
                assert _read(get_client, "/clients/{}", client, min_version=str(version))["statusCode"] in (200, 503)
    assert version > 3
    for client in CLIENTS:
        found = json.loads(_read(get_client, "/clients/{}", client, min_version=str(version))["body"])
        assert found["version"] == version
        listed = json.loads(_read(list_orders, "/clients/{}/orders", client)["body"])["orders"]
        newest = [client * 1000 + each for each in range(version, 0, -1)]
        assert [order["id_order"] for order in listed] == newest[:50]


@pytest.mark.usefixtures("cluster")
def test_a_heartbeat_arrives_and_the_shards_are_inspected(shards: ValkeyCluster) -> None:
    assert _project(message(heartbeat()), *(_event(client, 1) for client in CLIENTS)) == set()
    node = shards.nodes[1]
    cache = Cache(several_shards(CacheSettings(node.host, node.port, False, "none", "", "", cluster=True)))
    assert CachedBeats(cache).newest() is not None
    found = read_model.inspect(cache)
    assert (found["keys"], found["role"], found["evicted_keys"]) == (2 * len(CLIENTS) + 1, "master", 0)
    assert found["heartbeat"]


def test_shards_out_of_reach_fail_the_batch_and_the_query(
    shards: ValkeyCluster, cluster: redis.RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cluster
    monkeypatch.setenv("CACHE_PORT", "1")
    assert _project(_event(1, 1), "{") == {"m0", "m1"}
    problem(_read(get_client, "/clients/{}", 1), 503)
    with pytest.raises(CacheUnavailable):
        several_shards(CacheSettings(shards.nodes[0].host, 1, False, "none", "", "", cluster=True))
