"""Heartbeats on real servers: what is written, what the projector makes of it, and that rights suffice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from functions.common.cache import Cache, one_shard
from functions.common.events import Heartbeat, decode
from functions.common.read_model import HEARTBEAT_KEY
from functions.common.settings import CacheSettings
from functions.heartbeat.beat import Arrival, take_heartbeat
from functions.heartbeat.store import CachedBeats, PostgresBeats
from functions.project_clients import handler as project_clients
from functions.project_clients.writer import ReadModelWriter
from infra.cache import _PERMISSIONS
from tests.functions.migrated import Orders
from tests.functions.samples import batch, failed, heartbeat, message, order_placed
from twin.servers.valkey import ValkeyServer

BEAT = 1_795_242_600_123_456


@pytest.fixture
def beats(orders: Orders) -> Iterator[PostgresBeats]:
    """Beats written over the operator's login."""
    database = orders.database_as("operator")
    yield PostgresBeats(database)
    database.close()


@pytest.fixture
def client(cache: redis.Redis, valkey: ValkeyServer) -> Iterator[Callable[[str], redis.Redis]]:
    """Connects to the cache with the rights of a role on AWS."""
    execute: Callable[..., Any] = cache.execute_command  # redis-py leaves it without types
    made: list[redis.Redis] = []

    def connected(role: Any) -> redis.Redis:
        execute("ACL", "SETUSER", role, "reset", ">password", *_PERMISSIONS[role].split())
        found = one_shard(CacheSettings(valkey.host, valkey.port, False, "none", "", ""))
        found.connection_pool.connection_kwargs.update(username=role, password="password")
        made.append(found)
        return found

    yield connected
    for each in made:
        each.close()
    cache.acl_deluser("reader", "writer")


@pytest.fixture
def project(client: Callable[[str], redis.Redis], monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """The projector with the writer's rights."""
    writer = ReadModelWriter(client("writer"))
    monkeypatch.setattr(project_clients, "read_model", lambda: writer)
    return lambda *bodies: failed(project_clients.handle(batch(*bodies), None))


def event_of(orders: Orders) -> str:
    """The newest row of the outbox as a message."""
    ((row,),) = orders.rows("select row_to_json(o) from outbox o order by occurred_at desc limit 1")
    return json.dumps({"data": row, "metadata": {"operation": "insert"}})


def test_a_beat_is_an_event_in_the_outbox(orders: Orders, beats: PostgresBeats) -> None:
    beat = beats.take()
    event = decode(event_of(orders))
    assert isinstance(event, Heartbeat)
    assert event.beat == beat
    [row] = orders.rows(
        "select aggregate_type, aggregate_id, event_type, version, id::text,"
        " (extract(epoch from occurred_at) * 1000000)::bigint from outbox"
    )
    assert row == ("heartbeat", "heartbeat", "orders.Heartbeat.v1", beat, event.id, beat)


def test_a_beat_is_later_than_those_before_also_of_another_database(orders: Orders, beats: PostgresBeats) -> None:
    first = beats.take()
    # As after the restore of a snapshot: nobody knows of the beats since.
    orders.rows("truncate heartbeat, outbox")
    assert beats.take() > first


def test_the_age_is_that_of_the_oldest_missing_beat(orders: Orders, beats: PostgresBeats) -> None:
    now = time.time_ns() // 1000
    orders.rows("insert into heartbeat select unnest(%s)", ([now - 90_000_000, now - 60_000_000, now - 30_000_000],))
    for known, seconds in ((0, 90), (now - 90_000_000, 60), (now - 60_000_000, 30)):
        age = beats.oldest_after(known)
        assert age is not None
        assert seconds * 1000 - 1000 <= age < seconds * 1000 + 20_000
    assert beats.oldest_after(now) is None


def test_beats_of_the_last_day_are_kept(orders: Orders, beats: PostgresBeats) -> None:
    now = time.time_ns() // 1000
    hour = 3_600_000_000
    orders.rows("insert into heartbeat select unnest(%s)", ([now - 25 * hour, now - 23 * hour],))
    beat = beats.take()
    assert orders.rows("select beat from heartbeat order by 1") == [(now - 23 * hour,), (beat,)]


def test_the_whole_way(
    orders: Orders, beats: PostgresBeats, project: Callable[..., set[str]], client: Callable[[str], redis.Redis]
) -> None:
    cached = CachedBeats(Cache(client("reader")))
    assert cached.newest() is None
    assert not take_heartbeat(beats, cached, 0).arrived
    assert project(event_of(orders)) == set()
    found = cached.newest()
    assert found is not None
    assert orders.rows("select max(beat) from heartbeat") == [(found.beat,)]
    assert beats.oldest_after(found.beat) is None

    def carry(_: float) -> None:
        project(event_of(orders))

    taken = take_heartbeat(beats, cached, 60_000, sleep=carry)
    assert (taken.arrived, taken.newest) == (True, taken.beat)
    assert 0 <= taken.lag_ms < 60_000


def test_the_newest_beat_stays_in_any_order(project: Callable[..., set[str]], cache: redis.Redis) -> None:
    project(message(heartbeat(BEAT + 2)), message(heartbeat(BEAT + 1)))
    before = cache.hgetall(HEARTBEAT_KEY)
    assert cache.hget(HEARTBEAT_KEY, "beat") == str(BEAT + 2)
    project(message(heartbeat(BEAT + 2)))
    project(message(heartbeat(BEAT)))
    project(message(heartbeat(999_999)))
    assert cache.hgetall(HEARTBEAT_KEY) == before
    project(message(heartbeat(10**18)))
    assert cache.hget(HEARTBEAT_KEY, "beat") == str(10**18)


def test_a_beat_among_orders_touches_no_client_and_no_lag(
    project: Callable[..., set[str]], cache: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project(message(heartbeat(BEAT)), message(order_placed())) == set()
    assert sorted(cache.keys("*")) == ["client:{1}", "client:{1}:orders", HEARTBEAT_KEY]
    assert "ProjectionLag" in capsys.readouterr().out
    project(message(heartbeat(BEAT + 1)))
    assert "ProjectionLag" not in capsys.readouterr().out


def test_a_beat_that_cannot_be_noted_comes_again_and_the_orders_do_not(
    project: Callable[..., set[str]], cache: redis.Redis
) -> None:
    cache.set(HEARTBEAT_KEY, "damaged")
    assert project(message(heartbeat(BEAT)), message(order_placed()), message(heartbeat(BEAT + 1))) == {"m0", "m2"}
    assert cache.exists("client:{1}")


def test_a_lag_is_not_below_zero_where_clocks_differ(cache: redis.Redis, client: Callable[[str], redis.Redis]) -> None:
    cache.hset(HEARTBEAT_KEY, mapping={"beat": BEAT, "arrived_ms": BEAT // 1000 - 5})
    assert CachedBeats(Cache(client("reader"))).newest() == Arrival(BEAT, 0)
