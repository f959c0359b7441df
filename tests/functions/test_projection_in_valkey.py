"""The projector and the queries on a real server: any delivery gives the same read model, and failures stay small."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.common.cache import Cache as CacheConnection
from functions.common.cache import one_shard
from functions.common.settings import CacheSettings
from functions.get_client import handler as get_client
from functions.get_client.view import CachedClients
from functions.list_orders import handler as list_orders
from functions.list_orders.view import CachedOrders
from functions.project_clients import handler as project_clients
from functions.project_clients.fold import Change, fold
from functions.project_clients.writer import ReadModelWriter
from tests.functions.samples import (
    SECONDS,
    batch,
    client_event,
    decode_client,
    failed,
    get,
    message,
    order_placed,
    problem,
)
from tests.twin.waiting import until
from twin.servers.valkey import ValkeyServer

Cache = redis.Redis
State = dict[str, Any]


@pytest.fixture(autouse=True)
def lambda_environment(valkey: ValkeyServer, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CACHE_HOST": valkey.host, "CACHE_PORT": str(valkey.port), "CACHE_TLS": "false", "CACHE_AUTH": "none",
        "READ_WAIT_MS": "2000",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    project_clients.read_model.cache_clear()
    get_client.views.cache_clear()
    list_orders.views.cache_clear()


def _project(*bodies: str) -> set[str]:
    return failed(project_clients.handle(batch(*bodies), None))


def _event(id_client: int, version: int) -> str:
    return message(order_placed(id_client, version, id_order=min(id_client * 1000 + version, 2**63 - 1)))


def _orders(cache: Cache, id_client: int) -> list[tuple[str, float]]:
    """The client's orders with their scores, lowest first."""
    key = f"client:{{{id_client}}}:orders"
    return cast("list[tuple[str, float]]", cache.zrange(key, 0, -1, withscores=True))


def _state(cache: Cache) -> State:
    """All that the read model holds."""
    state: State = {}
    for key in cast("list[str]", cache.keys("*")):
        is_hash = cache.type(key) == "hash"
        state[key] = cache.hgetall(key) if is_hash else cache.zrange(key, 0, -1, withscores=True)
    return state


def test_an_event_becomes_a_client_and_its_order(cache: Cache) -> None:
    assert _project(_event(1, 1)) == set()
    assert cache.hgetall("client:{1}") == {
        "name": "Bob", "email": "bob@anemailprovider.com", "version": "1", "order_count": "1",
        "total": "3000.00", "last_purchase": str(SECONDS),
    }  # fmt: skip
    [(member, score)] = _orders(cache, 1)
    assert (score, json.loads(member)["id"]) == (1001, 1001)


def test_a_client_is_known_before_its_first_order(cache: Cache) -> None:
    assert _project(message(client_event("ClientRegistered", version=0))) == set()
    assert cache.hgetall("client:{1}") == {
        "name": "Bob", "email": "bob@anemailprovider.com", "version": "0", "order_count": "0", "total": "0.00",
        "last_purchase": "",
    }  # fmt: skip
    assert cache.exists("client:{1}:orders") == 0
    assert json.loads(_read(get_client, "/clients/1", query={"min_version": "0"})["body"]) == {
        "name": "Bob", "email": "bob@anemailprovider.com", "total": 0, "last_purchase": None, "order_count": 0,
        "version": 0,
    }  # fmt: skip
    response = _read(list_orders, "/clients/1/orders")
    assert (response["statusCode"], json.loads(response["body"])["orders"]) == (200, [])


def test_a_change_of_a_client_keeps_its_orders(cache: Cache) -> None:
    assert _project(_event(1, 1), message(client_event(version=2, order_count=1, name="Robert"))) == set()
    assert (cache.hget("client:{1}", "name"), cache.zcard("client:{1}:orders")) == ("Robert", 1)


DELIVERIES = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 70)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=DELIVERIES, seed=st.randoms(use_true_random=False), size=st.integers(1, 40))
def test_any_order_any_repetition_and_any_batches_give_the_same(
    cache: Cache, events: list[tuple[int, int]], seed: random.Random, size: int
) -> None:
    cache.flushall()
    for pair in sorted(set(events)):
        _project(_event(*pair))
    expected = _state(cache)
    for id_client in {pair[0] for pair in events}:
        versions = sorted({version for client, version in events if client == id_client})
        assert expected[f"client:{{{id_client}}}"]["version"] == str(versions[-1])
        ids = [id_client * 1000 + version for version in versions[-50:]]
        assert [score for _, score in expected[f"client:{{{id_client}}}:orders"]] == ids

    cache.flushall()
    delivered = events + seed.choices(events, k=len(events))
    seed.shuffle(delivered)
    for start in range(0, len(delivered), size):
        assert _project(*(_event(*pair) for pair in delivered[start : start + size])) == set()
    assert _state(cache) == expected


def test_versions_beyond_a_double_are_told_apart(cache: Cache) -> None:
    top = 2**63 - 1
    for bodies in ([_event(1, top - 1)], [_event(1, top)], [_event(1, top - 1), _event(1, 999)]):
        assert _project(*bodies) == set()
    assert cache.hget("client:{1}", "version") == str(top)


def test_many_orders_of_one_client_in_one_batch_keep_the_last_fifty(cache: Cache) -> None:
    assert _project(*(_event(1, version) for version in range(1, 301))) == set()
    assert [score for _, score in _orders(cache, 1)] == list(range(1251, 1301))


def test_damaged_and_unknown_records_fail_alone(cache: Cache) -> None:
    unknown = message({**order_placed(), "type": "orders.OrderShipped.v1"})
    assert _project(_event(1, 1), "{", unknown, _event(2, 1), message(order_placed(), operation="update")) == {
        "m1", "m2", "m4"
    }  # fmt: skip
    assert cache.hget("client:{1}", "version") == cache.hget("client:{2}", "version") == "1"


def test_an_unknown_event_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    _project(message({**order_placed(), "type": "orders.OrderShipped.v1"}))
    record = next(record for record in caplog.records if record.message == "message refused")
    assert record.levelname == "ERROR"
    assert vars(record)["kind"] == "UnknownEvent"


@pytest.mark.parametrize("key", ["client:{1}", "client:{1}:orders"])
def test_a_client_that_the_server_refuses_fails_with_its_messages_only(cache: Cache, key: str) -> None:
    cache.set(key, "of another type")
    assert _project(_event(1, 1), _event(2, 1), _event(1, 2)) == {"m0", "m2"}
    assert cache.hget("client:{2}", "version") == "1"
    cache.delete(key)
    assert _project(_event(1, 1), _event(1, 2)) == set()
    assert cache.hget("client:{1}", "version") == "2"
    assert cache.zcard("client:{1}:orders") == 2


def test_a_script_that_the_server_forgot_is_loaded_again(cache: Cache) -> None:
    _project(_event(1, 1))
    cache.script_flush()
    assert _project(_event(1, 2), _event(2, 1)) == set()
    assert cache.hget("client:{1}", "version") == "2"


def _connections(cache: Cache) -> set[str]:
    """Ids of all connections but the test's own."""
    mine = str(cache.client_id())
    return {client["id"] for client in cache.client_list(_type="normal")} - {mine}


def _drop_connections(cache: Cache) -> None:
    cache.client_kill_filter(_type="normal", skipme=True)


def test_a_dead_connection_is_replaced_within_the_batch(cache: Cache) -> None:
    _project(_event(1, 1))
    _drop_connections(cache)
    assert _project(_event(1, 2), "{") == {"m1"}
    assert cache.hget("client:{1}", "version") == "2"


def test_a_batch_larger_than_a_chunk_survives_a_dead_connection(cache: Cache) -> None:
    _project(_event(1, 1))
    _drop_connections(cache)
    assert _project(*(_event(client, 1) for client in range(1, 351))) == set()
    assert cache.dbsize() == 700


def test_a_connection_that_dies_in_the_middle_of_a_batch_costs_nothing(cache: Cache) -> None:
    def chunks() -> Iterator[list[Change]]:
        for id_client in range(1, 51):
            if id_client == 2:
                _drop_connections(cache)
            yield fold([("m0", decode_client(_event(id_client, 1)))])

    assert project_clients.read_model().write(chunks()) == []
    assert cache.dbsize() == 100


def test_an_outage_fails_the_whole_batch_and_the_next_one_works(cache: Cache, valkey: ValkeyServer) -> None:
    _project(_event(1, 1))
    valkey.stop()
    try:
        assert _project(_event(1, 2), "{", _event(2, 1)) == {"m0", "m1", "m2"}
        _expect_503(get("/clients/1", "1"))
    finally:
        valkey.start()
    # On a busy machine the server may be slower to answer than a projector waits.
    until(lambda: _project(_event(1, 2), _event(2, 1)) == set(), what="a batch that the restarted server takes")
    assert cache.hget("client:{1}", "version") == "2"


def _expect_503(event: dict[str, Any]) -> None:
    for function in (get_client, list_orders):
        response = function.handle(event, None)
        problem(response, 503)
        assert response["headers"]["Retry-After"] == "1"


def test_a_server_that_became_a_replica_is_left(cache: Cache) -> None:
    """After a failover the name leads to the new writer; the connection still leads to the old one."""
    others = _connections(cache)
    _project(_event(1, 1))
    known = _connections(cache) - others
    assert known
    cache.replicaof("127.0.0.1", "1")
    try:
        assert _project(_event(1, 2)) == {"m0"}
        assert not known & _connections(cache)
    finally:
        cache.replicaof("NO", "ONE")
    assert _project(_event(1, 2)) == set()


def test_the_lag_is_measured_from_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    def body(seconds_ago: int, id_client: int) -> str:
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        return message(order_placed(id_client, time=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")))

    _project(body(1, 1), body(100, 2), body(50, 3), "{")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    [metrics] = [line for line in lines if "ProjectionLag" in line]
    assert 100_000 <= metrics["ProjectionLag"][0] < 130_000
    assert (metrics["EventsProjected"], metrics["EventsFailed"]) == ([3.0], [1.0])


def _traced(version: int, flags: str) -> str:
    trace = f"00-{version:032x}-{'b' * 16}-{flags}"
    return message({**order_placed(1, version), "traceparent": trace})


def test_a_batch_has_one_line_that_names_a_few_sampled_traces(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _project(*(_traced(version, "00" if version % 2 else "01") for version in range(1, 61)))
    [record] = caplog.records
    assert record.message == "batch projected"
    assert vars(record)["trace_ids"] == [f"{version:032x}" for version in range(2, 22, 2)]


def test_traces_that_are_not_sampled_or_no_traces_are_not_named(caplog: pytest.LogCaptureFixture) -> None:
    damaged = message({**order_placed(1, 3), "traceparent": "00-Bob-01"})
    assert _project(_traced(1, "00"), damaged, _event(1, 4)) == set()
    assert "trace_ids" not in vars(caplog.records[-1])
    _project(_traced(5, "03"), _traced(5, "01"))
    assert vars(caplog.records[-1])["trace_ids"] == [f"{5:032x}"]


def _read(function: Any, path: str, id_client: int = 1, query: dict[str, str] | None = None, **headers: str) -> Any:
    return function.handle(get(path, str(id_client), query, **headers), None)


def test_a_client_is_read_as_it_was_projected() -> None:
    _project(_event(1, 1))
    response = _read(get_client, "/clients/1")
    assert response["statusCode"] == 200
    assert json.loads(response["body"]) == {
        "name": "Bob", "email": "bob@anemailprovider.com", "total": 3000.0, "last_purchase": SECONDS,
        "order_count": 1, "version": 1,
    }  # fmt: skip
    assert _read(get_client, "/clients/1", If_None_Match=response["headers"]["ETag"])["statusCode"] == 304
    problem(_read(get_client, "/clients/2", 2), 404)


def test_an_order_that_arrives_late_is_not_hidden_from_who_has_the_newest_version() -> None:
    _project(_event(1, 2))
    tag = _read(list_orders, "/clients/1/orders")["headers"]["ETag"]
    assert _read(list_orders, "/clients/1/orders", If_None_Match=tag)["statusCode"] == 304
    _project(_event(1, 1))
    assert _read(list_orders, "/clients/1/orders", If_None_Match=tag)["statusCode"] == 200


def test_orders_are_read_newest_first() -> None:
    _project(_event(1, 2), _event(1, 1), _event(1, 3))
    body = json.loads(_read(list_orders, "/clients/1/orders")["body"])
    assert (body["id_client"], body["version"]) == (1, 3)
    assert [order["id_order"] for order in body["orders"]] == [1003, 1002, 1001]
    assert body["orders"][0] == {
        "id_order": 1003, "total": 3000.0, "placed_at": SECONDS,
        "lines": [{"id_product": 1, "unit_price": 1500.0, "quantity": 1},
                  {"id_product": 2, "unit_price": 500.0, "quantity": 3}],
    }  # fmt: skip
    problem(_read(list_orders, "/clients/2/orders", 2), 404)


@pytest.mark.parametrize(("function", "path"), [(get_client, "/clients/1"), (list_orders, "/clients/1/orders")])
def test_a_version_not_there_yet_is_waited_for(function: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(_event(1, 1))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            _project(_event(1, 2))

    monkeypatch.setattr(
        "functions.common.freshness.read_at_least.__kwdefaults__", {"clock": time.monotonic, "sleep": sleep}
    )
    response = _read(function, path, query={"min_version": "2"})
    assert (response["statusCode"], json.loads(response["body"])["version"], len(naps)) == (200, 2, 3)


def test_a_version_that_does_not_come_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_WAIT_MS", "20")
    _project(_event(1, 1))
    _expect_503(get("/clients/1", "1", {"min_version": "2"}))


def test_reader_and_writer_get_by_with_few_rights(cache: Cache, valkey: ValkeyServer) -> None:
    rights = {
        "writer": [
            "~client:*", "%R~read_model", "+evalsha", "+script|load", "+hget", "+hmget", "+hset", "+zadd", "+zcount",
            "+zremrangebyrank",
        ],
        "reader": ["%R~client:*", "%R~read_model", "+hget", "+hmget", "+zrevrange"],
    }  # fmt: skip
    clients = {}
    execute: Callable[..., Any] = cache.execute_command  # redis-py leaves it without types
    for user, rules in rights.items():
        execute("ACL", "SETUSER", user, "reset", "on", ">password", "+auth", *rules)
        place = CacheSettings(valkey.host, valkey.port, False, "none", "", "")
        clients[user] = one_shard(place)
        clients[user].connection_pool.connection_kwargs.update(username=user, password="password")
    cache.script_flush()
    try:
        changes = fold((f"m{version}", decode_client(_event(1, version))) for version in range(1, 61))
        assert ReadModelWriter(clients["writer"]).write([changes]) == []
        seen = CachedClients(CacheConnection(clients["reader"])).client(1)
        listed = CachedOrders(CacheConnection(clients["reader"])).orders(1)
        assert seen
        assert listed
        assert (seen.version, listed.version, len(listed.orders)) == (60, 60, 50)
    finally:
        for user, client in clients.items():
            client.close()
            cache.acl_deluser(user)


def test_a_query_replaces_a_dead_connection(cache: Cache) -> None:
    _project(_event(1, 1))
    reads: list[Callable[[], Any]] = [
        lambda: _read(get_client, "/clients/1"), lambda: _read(list_orders, "/clients/1/orders")
    ]  # fmt: skip
    for read in reads:
        assert read()["statusCode"] == 200
        _drop_connections(cache)
        assert read()["statusCode"] == 200
