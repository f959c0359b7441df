"""How many events a second the projector writes, beside the best client loop and a handler that goes one by one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import redis

from bench.events import batches
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from bench.functions import bare_client, unheard, valkey

LOOP, OURS, SINGLE = "one script call for a batch", "project_clients", "one by one"
RATE = Measure("rate", "events/s")
BATCHES = (10, 100, 1_000, 10_000)
CLIENTS = (100, 1_000, 10_000, 100_000)
# For all clients of a batch in one call: compare and set by version, and add the order to the last ones.
SCRIPT = """
for i = 1, #KEYS, 2 do
  local at = (i - 1) * 4
  local version = tonumber(ARGV[at + 1])
  local known = redis.call('HGET', KEYS[i], 'version')
  redis.call('ZADD', KEYS[i + 1], ARGV[at + 7], ARGV[at + 8])
  if version > 50 then
    redis.call('ZREMRANGEBYRANK', KEYS[i + 1], 0, -51)
  end
  if not known or version > tonumber(known) then
    redis.call('HSET', KEYS[i], 'version', ARGV[at + 1], 'name', ARGV[at + 2], 'email', ARGV[at + 3],
      'order_count', ARGV[at + 4], 'total', ARGV[at + 5], 'last_purchase', ARGV[at + 6])
  end
end
return #KEYS
"""
DAY_S = 300
# Its rate does not depend on how many there are.
MOST_SINGLE = 4_000

Batch = dict[str, Any]
# Keys and arguments of a call of the script.
Ready = tuple[list[str], list[str | int]]


class Projection:
    """Three ways to bring the same events into an empty cache. (The loop is for one of a single shard.)"""

    def __init__(self, cache: redis.Redis | redis.RedisCluster, found: list[Batch]) -> None:
        self._cache = cache
        self._batches = found
        self._events = sum(len(batch["Records"]) for batch in found)
        # The loop is given what the others have to find in the messages.
        self.calls = [_ready(batch) for batch in found]

    def contenders(self) -> dict[str, Callable[[], Mapping[str, float]]]:
        """The ways by name."""
        return {LOOP: self.loop, OURS: self.handler, SINGLE: self.one_by_one}

    def loop(self) -> Mapping[str, float]:
        """Ready arguments, one call of a script for each batch."""
        self._cache.flushall()
        sha = self._cache.script_load(SCRIPT)
        begun = time.perf_counter()
        for keys, arguments in self.calls:
            self._cache.evalsha(sha, len(keys), *keys, *arguments)
        return rate(begun, self._events)

    def handler(self) -> Mapping[str, float]:
        """The function itself: messages in, failures out."""
        from functions.project_clients import handler

        self._cache.flushall()
        handler.read_model.cache_clear()
        with unheard():
            begun = time.perf_counter()
            answers = [handler.handle(batch, None) for batch in self._batches]
            found = rate(begun, self._events)
        failed = sum(len(answer["batchItemFailures"]) for answer in answers)
        if failed:
            raise RuntimeError(f"{failed} messages failed.")
        return found

    def one_by_one(self) -> Mapping[str, float]:
        """Each message by itself: a key to know it again, the client's JSON read, changed and written back."""
        self._cache.flushall()
        records = [record for batch in self._batches for record in batch["Records"]][:MOST_SINGLE]
        begun = time.perf_counter()
        for record in records:
            event = json.loads(json.loads(record["body"])["data"]["payload"])
            if not self._cache.set(f"seen:{event['id']}", 1, nx=True, ex=DAY_S):
                continue
            client, order = event["data"]["client"], event["data"]["order"]
            key = f"client:{client['id']}"
            known = self._cache.get(key)
            # redis-py types its answers for the asynchronous client too.
            total = float(json.loads(known)["total"]) if isinstance(known, bytes) else 0.0
            state = {
                "name": client["name"],
                "email": client["email"],
                "total": total + float(order["total"]),
                "last_purchase": order["placed_at"],
            }
            self._cache.set(key, json.dumps(state))
        return rate(begun, len(records))


def rate(begun: float, events: int) -> Mapping[str, float]:
    """The measure of so many events since `begun`."""
    return {"rate": events / (time.perf_counter() - begun)}


def _ready(batch: Batch) -> Ready:
    """What a call of `SCRIPT` takes for the events of a batch: two keys and eight arguments of each."""
    keys: list[str] = []
    arguments: list[str | int] = []
    for record in batch["Records"]:
        data = json.loads(json.loads(record["body"])["data"]["payload"])["data"]
        client, order = data["client"], data["order"]
        for found in (client, order):
            found.update({name: seconds(found[name]) for name in ("last_purchase", "placed_at") if name in found})
        keys += (f"client:{{{client['id']}}}", f"client:{{{client['id']}}}:orders")
        arguments += (client[field] for field in ("version", "name", "email", "order_count", "total", "last_purchase"))
        arguments += (order["id"], json.dumps(order, separators=(",", ":")))
    return keys, arguments


def seconds(time: str) -> int:
    """Epoch seconds of an event's time."""
    return int(datetime.fromisoformat(time).timestamp())


def _goals(size: int) -> list[Goal]:
    share = [Goal(OURS, against=LOOP, least=0.7)] if size >= 100 else []
    return [*share, Goal(OURS, against=SINGLE, least=20)] if size >= 100 else share


def by_batch(place: Place) -> Iterator[Case]:
    """A case for each size of batch."""
    cache = bare_client(valkey(place.folder, place.stack))
    place.stack.callback(cache.close)
    for size in BATCHES:
        found = batches(place.sizes["clients"], max(size, place.sizes["events"] // (5 if size == 10 else 1)), size)
        contenders = Projection(cache, found).contenders()
        yield Case(f"batches of {size:,}", [RATE], contenders, LOOP, _goals(size), at=size)


def by_clients(place: Place) -> Iterator[Case]:
    """A case for each number of clients, with the batches of a busy queue."""
    cache = bare_client(valkey(place.folder, place.stack))
    place.stack.callback(cache.close)
    for clients in CLIENTS:
        events = max(place.sizes["events"], clients if clients <= place.sizes["most"] else 0)
        contenders = Projection(cache, batches(clients, events, place.sizes["batch"])).contenders()
        yield Case(f"{clients:,} clients", [RATE], {LOOP: contenders[LOOP], OURS: contenders[OURS]}, LOOP, at=clients)


ABOUT = (
    "Events of SQS go into an empty cache on loopback, over one connection. The line of reference, `one script call "
    "for a batch`, is given ready arguments and writes the same clients and last orders; `project_clients` is the "
    "function itself, which decodes and checks each message first; `one by one` is a tutorial's handler, "
    "with a key against repetition, GET, add, SET, and no orders. Lambda's own parsing of the event is in none of them."
)
BENCHMARKS = (
    Benchmark(
        name="projection",
        title="Projection: events written to the read model",
        about=ABOUT,
        cases=by_batch,
        rounds=5,
        sizes={"events": 20_000, "clients": 10_000},
        axis="records in a batch",
    ),
    Benchmark(
        name="projection-clients",
        title="Projection by the number of clients",
        about="As above, in batches of 1,000, with more and more clients, whose events come in turn.",
        cases=by_clients,
        rounds=5,
        sizes={"events": 20_000, "batch": 1_000, "most": 100_000},
        axis="clients",
    ),
)
