"""The connection to the read model when it breaks, hangs, ages or leads to a server that is not the one to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from functions.common.cache import CONNECTION_HOURS, Cache, connect
from functions.common.errors import CacheUnavailable
from functions.common.settings import CacheSettings
from functions.get_client import handler as get_client
from functions.project_clients import handler as project_clients
from tests.edges.conftest import ElastiCache
from tests.edges.valkey_front import Fault
from tests.functions.samples import batch, failed, get, message, order_placed, problem
from tests.twin.waiting import until
from twin.ports import free_port
from twin.servers.valkey import ValkeyServer

KEY = "client:{1}"


def test_a_connection_is_replaced_before_the_server_ends_it_for_its_age(elasticache: ElastiCache) -> None:
    now = 1000.0
    client = connect(elasticache.settings(), lambda: now)
    cache = Cache(client)
    for _ in range(3):
        assert _ping(cache)
        now += CONNECTION_HOURS * 3600 - 1
        assert _ping(cache)
        now += 1
    assert elasticache.front.accepted == 3
    assert CONNECTION_HOURS < 12
    client.close()


def _ping(cache: Cache) -> bool:
    return bool(cache.run(lambda client: client.ping()))


@pytest.mark.usefixtures("functions")
def test_a_cut_at_the_age_limit_costs_nobody_anything(elasticache: ElastiCache) -> None:
    for version in (1, 2):
        assert failed(project_clients.handle(batch(message(order_placed(1, version))), None)) == set()
        assert get_client.handle(get("/clients/1", "1"), None)["statusCode"] == 200
        elasticache.front.cut()


@pytest.mark.parametrize("fault", ["lose request", "silence"])
def test_a_dead_or_silent_connection_is_replaced_within_the_request(elasticache: ElastiCache, fault: Fault) -> None:
    cache = elasticache.opened(3.0)
    assert _ping(cache)
    elasticache.front.faults.append(fault)
    assert _ping(cache)
    assert elasticache.front.accepted == 2


@pytest.mark.usefixtures("functions")
@pytest.mark.timeout(60)
def test_a_server_that_hangs_is_a_503(elasticache: ElastiCache) -> None:
    elasticache.front.faults += ["silence"] * 2
    answer = get_client.handle(get("/clients/1", "1"), None)
    problem(answer, 503)
    assert answer["headers"]["Retry-After"] == "1"
    assert elasticache.front.accepted == 2
    problem(get_client.handle(get("/clients/1", "1"), None), 404)


@pytest.mark.timeout(60)
def test_an_answer_that_comes_late_is_not_taken_for_the_next_ones(elasticache: ElastiCache, cache: redis.Redis) -> None:
    cache.set("a", "first")
    cache.set("b", "second")
    slow = elasticache.opened(3.0)
    elasticache.front.faults += ["late answer", "late answer"]
    with pytest.raises(CacheUnavailable):
        slow.run(lambda client: client.get("a"))
    elasticache.front.release()
    assert slow.run(lambda client: client.get("b")) == b"second"


@pytest.mark.parametrize(("spent", "expected"), [(2.0, [0.0, 2.0]), (2.1, [0.0])])
def test_the_second_attempt_begins_only_while_there_is_time(
    elasticache: ElastiCache, spent: float, expected: list[float]
) -> None:
    now = 0.0
    cache = Cache(connect(elasticache.settings(6.0)), lambda: now)
    attempts: list[float] = []

    def broken(client: redis.Redis) -> None:
        nonlocal now
        attempts.append(now)
        now += spent
        raise redis.ConnectionError("gone")

    with pytest.raises(CacheUnavailable):
        cache.run(broken)
    assert attempts == expected


def test_a_failover_leads_to_the_new_writer(elasticache: ElastiCache, cache: redis.Redis, other: ValkeyServer) -> None:
    """The name leads to another server, the connection to the old one, which is a replica from now on."""
    client = elasticache.opened()
    assert client.run(lambda c: c.set("a", "1"))
    elasticache.front.server = other
    cache.replicaof("127.0.0.1", "1")
    try:
        assert client.run(lambda c: c.set("a", "2"))
    finally:
        cache.replicaof("NO", "ONE")
    with other.client() as there:
        assert there.get("a") == "2"


def test_a_failover_to_nowhere_is_said(elasticache: ElastiCache, cache: redis.Redis) -> None:
    client = elasticache.opened()
    cache.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(CacheUnavailable, match=r"cannot answer now \(ReadOnlyError\)"):
            client.run(lambda c: c.set("a", "2"))
    finally:
        cache.replicaof("NO", "ONE")
    assert elasticache.front.accepted == 2


@pytest.mark.parametrize(
    ("reply", "attempts"),
    [
        ("-LOADING Valkey is loading the dataset in memory", 2),
        ("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 2),
        ("-CLUSTERDOWN The cluster is down", 1),
        ("-TRYAGAIN Multiple keys request during rehashing of slot", 1),
    ],
)
def test_a_server_that_says_later_is_unavailable(elasticache: ElastiCache, reply: str, attempts: int) -> None:
    cache = elasticache.opened()
    assert _ping(cache)
    elasticache.front.replies += [reply] * attempts
    with pytest.raises(CacheUnavailable, match="cannot answer now"):
        _ping(cache)
    assert _ping(cache)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path / "other")
    server.start()
    yield server
    server.remove()


def _clustered(bus_port: int) -> dict[str, str]:
    # Without a port of its own the bus listens 10,000 above the server, which may be no port at all.
    return {"cluster-enabled": "yes", "cluster-port": str(bus_port)}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ValkeyServer]:
    """One node of two: the slot of KEY is on the other one, that of another client on its way there."""
    ports = [free_port(), free_port()]
    nodes = [ValkeyServer(tmp_path / str(port), settings=_clustered(port)) for port in ports]
    try:
        for node in nodes:
            node.start()
        with nodes[0].client() as one, nodes[1].client() as two:
            execute: Callable[..., Any] = one.execute_command
            two_execute: Callable[..., Any] = two.execute_command
            slot = int(execute("CLUSTER", "KEYSLOT", KEY))
            moving = int(execute("CLUSTER", "KEYSLOT", "client:{2}"))
            execute("CLUSTER", "MEET", nodes[1].host, nodes[1].port, ports[1])
            until(lambda: "cluster_known_nodes:2" in execute("CLUSTER", "INFO"), what="nodes that know each other")
            mine = [number for number in range(16384) if number != slot]
            execute("CLUSTER", "ADDSLOTS", *mine)
            two_execute("CLUSTER", "ADDSLOTS", slot)
            until(lambda: "cluster_state:ok" in execute("CLUSTER", "INFO"), what="a cluster in order")
            execute("CLUSTER", "SETSLOT", moving, "MIGRATING", two_execute("CLUSTER", "MYID"))
        yield nodes[0]
    finally:
        for node in nodes:
            node.remove()


def test_a_cluster_is_named_as_what_is_wrong(cluster: ValkeyServer) -> None:
    cache = Cache(connect(CacheSettings(cluster.host, cluster.port, False, "none", "", "")))
    said = r"cluster of several shards \(%s\).*cluster mode off"
    with pytest.raises(CacheUnavailable, match=said % "MovedError"):
        cache.run(lambda client: client.hgetall(KEY))
    with pytest.raises(CacheUnavailable, match=said % "AskError"):
        cache.run(lambda client: client.hgetall("client:{2}"))


def test_a_cluster_without_all_slots_is_down(tmp_path: Path) -> None:
    node = ValkeyServer(tmp_path / "node", settings=_clustered(free_port()))
    node.start()
    try:
        with pytest.raises(CacheUnavailable, match=r"cannot answer now \(ClusterDownError\)"):
            Cache(connect(CacheSettings(node.host, node.port, False, "none", "", ""))).run(
                lambda client: client.hgetall(KEY)
            )
    finally:
        node.remove()


def test_hundreds_of_requests_and_errors_leave_one_connection(elasticache: ElastiCache, cache: redis.Redis) -> None:
    client = elasticache.opened(3.0)
    cache.set("of another type", "")
    before = len(cache.client_list(_type="normal"))
    faults: dict[int, Fault] = {20: "lose request", 40: "silence"}
    for number in range(150):
        if number % 50 in faults:
            elasticache.front.faults.append(faults[number % 50])
        if number % 50 == 30:
            elasticache.front.cut()
        if number % 10 == 0:
            with pytest.raises(CacheUnavailable, match="refused a command"):
                client.run(lambda c: c.hgetall("of another type"))
        assert _ping(client)
    until(lambda: len(cache.client_list(_type="normal")) == before + 1, what="one connection")
