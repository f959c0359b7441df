"""How many events a second the projector writes to several shards, where a call of the script takes one slot's keys."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import hiredis
import redis
from redis.crc import key_slot

from bench.events import batches
from bench.frame.benchmark import Benchmark, Case, Goal, Place
from bench.functions import IN_MEMORY, lead_to
from bench.projection import MOST_SINGLE, OURS, RATE, SCRIPT, Batch, Projection, rate
from twin.servers.valkey_cluster import ValkeyCluster

SHARDS = 3
LOOP, SINGLE = "ready calls, to all shards at once", "the cluster's client, call by call"
BATCHES = (10, 100, 1_000)
KEYS, ARGUMENTS = 2, 8

# Key of the client, and the call of the script that writes it.
Call = tuple[str, tuple[str | int, ...]]


class Sharded:
    """Three ways to bring the same events, each of another client within a batch, into empty shards."""

    def __init__(self, cluster: redis.RedisCluster, found: list[Batch]) -> None:
        self._cluster = cluster
        alike = Projection(cluster, found)
        self._handler = alike.handler
        self._sha = str(cluster.script_load(SCRIPT))
        self._calls = [[*self._split(*call)] for call in alike.calls]
        self._events = sum(map(len, self._calls))

    def contenders(self) -> dict[str, Callable[[], Mapping[str, float]]]:
        """The ways by name."""
        return {LOOP: self.loop, OURS: self._handler, SINGLE: self.call_by_call}

    def loop(self) -> Mapping[str, float]:
        """Packed calls: those of a batch to each shard, then the answers of each."""
        self._empty()
        cluster = cast("Any", self._cluster)
        ways = {node.name: cluster.get_redis_connection(node).connection_pool for node in cluster.get_primaries()}
        held = {name: pool.get_connection() for name, pool in ways.items()}
        work = [self._packed(calls) for calls in self._calls]
        begun = time.perf_counter()
        for batch in work:
            for name, (packed, _) in batch.items():
                held[name].send_packed_command([packed])
            for name, (_, count) in batch.items():
                for _ in range(count):
                    held[name].read_response()
        found = rate(begun, self._events)
        for name, connection in held.items():
            ways[name].release(connection)
        return found

    def call_by_call(self) -> Mapping[str, float]:
        """What the client offers: it takes no script in a pipeline."""
        self._empty()
        calls = [call for batch in self._calls for _, call in batch][:MOST_SINGLE]
        begun = time.perf_counter()
        execute: Callable[..., Any] = self._cluster.execute_command
        for call in calls:
            execute(*call)
        return rate(begun, len(calls))

    def _empty(self) -> None:
        self._cluster.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
        self._cluster.script_load(SCRIPT)

    def _split(self, keys: list[str], arguments: list[str | int]) -> Iterator[Call]:
        for number in range(len(keys) // KEYS):
            own = keys[KEYS * number : KEYS * (number + 1)]
            yield own[0], ("EVALSHA", self._sha, KEYS, *own, *arguments[ARGUMENTS * number : ARGUMENTS * (number + 1)])

    def _packed(self, calls: Sequence[Call]) -> dict[str, tuple[bytes, int]]:
        """Of each shard all calls in one piece, and how many they are."""
        pack: Callable[[tuple[str | int, ...]], bytes] = cast("Any", hiredis.pack_command)
        found: defaultdict[str, list[bytes]] = defaultdict(list)
        for key, call in calls:
            node = self._cluster.nodes_manager.get_node_from_slot(key_slot(key.encode()))
            found[node.name].append(pack(call))
        return {name: (b"".join(packed), len(packed)) for name, packed in found.items()}


def cases(place: Place) -> Iterator[Case]:
    """A case for each size of batch."""
    servers = ValkeyCluster(place.folder / "cluster", SHARDS, settings=IN_MEMORY)
    place.stack.callback(servers.remove)
    servers.start()
    node = servers.nodes[0]
    lead_to(node, place.stack, cluster=True)
    cluster = redis.RedisCluster(host=node.host, port=node.port)
    place.stack.callback(cluster.close)
    for size in BATCHES:
        found = batches(place.sizes["clients"], place.sizes["events"], size)
        goals = [Goal(OURS, against=SINGLE, least=2)] if size >= 100 else []
        yield Case(f"batches of {size:,}", [RATE], Sharded(cluster, found).contenders(), LOOP, goals, at=size)


BENCHMARKS = (
    Benchmark(
        name="projection-shards",
        title="Projection to several shards",
        about=(
            f"Events of SQS go into {SHARDS} empty shards on the same processors. A script reaches one slot's keys, so "
            "each client is a call. The line of reference is given packed calls, which write the same; `the "
            "cluster's client, call by call` is what redis-py offers for it, with ready arguments too."
        ),
        cases=cases,
        rounds=5,
        sizes={"events": 10_000, "clients": 10_000},
        axis="records in a batch",
    ),
)
