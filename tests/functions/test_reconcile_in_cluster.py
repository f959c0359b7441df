"""Rebuilding and reconciling a read model on three shards: what the function asks of the cache works there too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from functions.common.cache import Cache, several_shards
from functions.common.events import ClientState, Order, OrderLine, Seconds
from functions.common.read_model import client_key, orders_key
from functions.common.settings import CacheSettings
from functions.reconcile.cached import CachedClients
from functions.reconcile.control import CachedControl
from functions.reconcile.kept import Kept, Verdict, judge

# Fixtures of that module.
from tests.functions.test_read_model_in_cluster import cluster, shards  # noqa: F401
from twin.servers.valkey_cluster import ValkeyCluster

CLIENTS = range(1, 1501)


def _kept(id_client: int, version: int = 1) -> Kept:
    order = Order(id_client * 10, "10.00", Seconds(7), (OrderLine(1, "10.00", 1),))
    return Kept(ClientState(id_client, "Bob", "bob@b.example", version, 1, "10.00", Seconds(7)), (order,))


@pytest.fixture
def cache(shards: ValkeyCluster, cluster: redis.RedisCluster) -> Cache:  # noqa: F811
    del cluster
    node = shards.nodes[2]
    return Cache(several_shards(CacheSettings(node.host, node.port, False, "none", "", "", cluster=True)))


def _walk(step: Callable[[str], tuple[str, Any]]) -> list[Any]:
    """What a walk from "0" to "0" finds on its way."""
    found, cursor = [], "0"
    while True:
        cursor, part = step(cursor)
        found.append(part)
        if cursor == "0":
            return found


def test_clients_of_all_slots_are_replaced_read_and_removed(cache: Cache) -> None:
    model = CachedClients(cache)
    clients = [_kept(number) for number in CLIENTS[:40]]
    assert model.replace(clients) == [True] * 40
    assert model.replace([_kept(1, 0), _kept(2, 2)]) == [False, True]
    found = model.read([*CLIENTS[:40], 99])
    assert {judge(kept, found[kept.client.id]).verdict for kept in clients if kept.client.id != 2} == {Verdict.SAME}
    assert (found[2].version_text, found[99].version_text) == ("2", "")
    assert model.remove({1: "1", 2: "1", 3: "1"}) == 2
    assert [model.read([number])[number].version_text for number in (1, 2, 3)] == ["", "2", ""]


def test_a_key_of_another_type_is_seen_and_replaced(cache: Cache, cluster: redis.RedisCluster) -> None:  # noqa: F811
    model = CachedClients(cache)
    cluster.set(client_key(5), "damaged")
    assert model.read([5, 6])[5].fields is None
    assert model.replace([_kept(5)]) == [True]
    assert model.read([5])[5].version_text == "1"


def test_a_walk_finds_the_clients_of_all_shards(cache: Cache) -> None:
    model = CachedClients(cache)
    model.replace([_kept(number) for number in CLIENTS])
    found = _walk(model.scan)
    assert set().union(*found) == set(CLIENTS)
    assert len(found) > 3


def test_a_generation_is_filled_and_swept_in_all_shards(cache: Cache, cluster: redis.RedisCluster) -> None:  # noqa: F811
    model, control = CachedClients(cache), CachedControl(cache)
    model.replace([_kept(number) for number in CLIENTS[:100]])
    control.fill("b:", [_kept(number) for number in CLIENTS[:100]])
    assert cluster.exists(client_key(7, "b:"), orders_key(7, "b:")) == 2
    assert sum(_walk(lambda cursor: control.sweep("b:", cursor))) == 200
    assert cluster.exists(client_key(7, "b:"), orders_key(7, "b:")) == 0
    assert set().union(*_walk(model.scan)) == set(CLIENTS[:100])


def test_positions_and_the_control_are_moved_by_compare_and_set(cache: Cache) -> None:
    model, control = CachedClients(cache), CachedControl(cache)
    model.keep_position("rebuild", "5")
    assert (model.advance("rebuild", "5", "6"), model.advance("rebuild", "5", "7")) == (True, False)
    assert model.position("rebuild") == "6"
    seen = control.state()
    assert control.move(seen, seen)
    assert control.state().number == seen.number + 1
    assert not control.move(seen, seen)
    used, most = control.memory()
    assert used > most == 0
