"""Rebuilding and reconciling between a real database and a real cache."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, cast

import psycopg2.errors
import pytest
import redis

from functions.common.cache import Cache, one_shard
from functions.common.settings import CacheSettings
from functions.project_clients.fold import fold
from functions.project_clients.writer import ReadModelWriter
from functions.reconcile import handler
from functions.reconcile.cached import CachedClients
from functions.reconcile.compare import Compared, Comparison, Drift
from functions.reconcile.kept import Kept
from functions.reconcile.passing import Pace, Passed, walk
from functions.reconcile.rebuild import Rebuilt, begin, rebuild
from functions.reconcile.write_model import PostgresClients
from infra.cache import _PERMISSIONS
from tests.functions.migrated import Orders
from tests.functions.samples import decode_client, message
from tests.twin.waiting import until
from twin.servers.valkey import ValkeyServer

LAG_S = 300
PLACE = "select id_order from place_order(gen_random_uuid()::varchar, 'hash', interval '1 day', %s, %s::bigint[], %s)"
PLACE_MANY = (
    "select place_order(gen_random_uuid()::varchar, 'hash', interval '1 day', 1, '{1}', '{2}')"
    " from generate_series(1, %s)"
)
CHANGE = (
    "select changed.client_version from client c, lateral change_client("
    "gen_random_uuid()::varchar, 'hash', interval '1 day', c.id, %s, null, array[c.version], null) as changed"
    " where c.id = %s"
)
REGISTER = "select id_client from register_client(gen_random_uuid()::varchar, 'hash', interval '1 day', %s, %s, null)"


class World:
    """Both models, and events that arrive when a test wants them to."""

    def __init__(self, orders: Orders, cache: redis.Redis, place: CacheSettings) -> None:
        self.orders, self.cache = orders, cache
        self.client = one_shard(place)
        self.database = orders.database_as("operator")
        self.write = PostgresClients(self.database)
        self.read = CachedClients(Cache(self.client))
        self.projected: set[str] = set()
        self.naps = 0

    def place(self, client: int, *products: int) -> int:
        """Place an order of so many products each, and give its id."""
        chosen = list(products or (1,))
        return int(self.orders.rows(PLACE, (client, chosen, [2] * len(chosen)))[0][0])

    def change(self, client: int, name: str) -> None:
        self.orders.rows(CHANGE, (name, client))

    def events(self) -> list[dict[str, Any]]:
        """The events that were not projected yet, oldest first."""
        rows = self.orders.rows("select payload from outbox order by occurred_at, version")
        return [event for (text,) in rows if (event := json.loads(text))["id"] not in self.projected]

    def project(self, events: Sequence[dict[str, Any]] | None = None) -> None:
        """Let events arrive, all by default."""
        events = self.events() if events is None else events
        changes = fold((event["id"], decode_client(message(event))) for event in events)
        assert ReadModelWriter(self.client).write([changes]) == []
        self.projected |= {event["id"] for event in events}

    def age(self) -> None:
        """Make all events older than lag."""
        self.orders.rows("update outbox set occurred_at = occurred_at - make_interval(secs => %s)", (LAG_S + 1,))

    def age_orders(self) -> None:
        """Make all orders older than lag, in both models."""
        self.orders.rows("update orders set placed_at = placed_at - make_interval(secs => %s)", (LAG_S + 1,))
        begin(self.read, 0)
        rebuild(self.write, self.read, 0, 100)

    def compare(self, *, repair: bool = False, sleep: Callable[[], object] = lambda: None) -> Compared:
        def nap(_: float) -> None:
            self.naps += 1
            sleep()

        return Comparison(self.write, self.read, nap, time.time, lag_s=LAG_S, repair=repair).page(0, 100)

    def orphans(self, *, repair: bool = False) -> Compared:
        return Comparison(self.write, self.read, time.sleep, time.time, lag_s=LAG_S, repair=repair).orphans("0")

    def state(self) -> dict[str, Any]:
        """All that the read model holds."""
        state: dict[str, Any] = {}
        read: dict[str, Callable[[str], Any]] = {
            "hash": self.client.hgetall, "zset": lambda key: self.client.zrange(key, 0, -1, withscores=True),
            "string": self.client.get,
        }  # fmt: skip
        for key in cast("list[str]", self.cache.keys("client:*")):
            state[key] = read[cast("str", self.cache.type(key))](key)
        return state


@pytest.fixture
def place(valkey: ValkeyServer) -> CacheSettings:
    """Where the cache is."""
    return CacheSettings(valkey.host, valkey.port, False, "none", "", "")


@pytest.fixture
def world(orders: Orders, cache: redis.Redis, place: CacheSettings) -> Iterator[World]:
    """Clients of all kinds, all of whose events have arrived."""
    made = World(orders, cache, place)
    orders.rows(PLACE_MANY, (60,))
    for product in (1, 2, 3):
        made.place(2, product, *({1, 2, 3} - {product}))
    made.change(2, 'Ali"ce \u00e9 \\')
    orders.rows("select record_client_event('orders.ClientRegistered.v1', c, now()) from client c where id = 3")
    orders.rows(REGISTER, ("Zo\u00eb", "zoe@anemailprovider.com"))
    made.project()
    yield made
    made.database.close()
    made.client.close()


def test_what_the_projector_made_is_what_the_write_model_says(world: World) -> None:
    assert world.compare() == Compared(clients=4)
    assert world.naps == 0


def test_a_rebuild_makes_what_the_projector_made(world: World) -> None:
    projected = world.state()
    world.cache.flushall()
    begin(world.read, 0)
    assert rebuild(world.write, world.read, 0, 100) == Rebuilt(4, 4, None)
    assert world.state() == projected


def test_events_that_come_after_a_rebuild_change_nothing_or_go_on_from_it(world: World) -> None:
    world.place(1)
    world.place(2)
    begin(world.read, 0)
    rebuild(world.write, world.read, 0, 100)
    rebuilt = world.state()
    world.projected.clear()
    late = world.events()
    random.Random(1).shuffle(late)
    world.project(late)
    assert world.state() == rebuilt
    world.place(1)
    world.project()
    assert world.compare() == Compared(clients=4)


def test_events_on_their_way_are_lag_and_old_ones_are_missing(world: World) -> None:
    world.place(1)
    world.change(2, "Alicia")
    assert (compared := world.compare()).behind == [1, 2]
    assert compared.drifts == []
    world.age()
    compared = world.compare()
    assert compared.behind == []
    assert compared.drifts == [Drift(1, "missing", ("version",)), Drift(2, "missing", ("version",))]


def test_the_oldest_missing_event_decides(world: World) -> None:
    world.place(1)
    world.age()
    world.place(1)
    assert world.compare().drifts == [Drift(1, "missing", ("version",))]


def test_an_event_that_arrives_a_moment_later_is_nothing(world: World) -> None:
    world.place(1)
    assert world.compare(sleep=world.project) == Compared(clients=4)
    assert world.naps == 1


def test_an_older_order_that_is_on_its_way_is_lag(world: World) -> None:
    world.place(1)
    world.place(1)
    _, newer = world.events()
    world.project([newer])
    compared = world.compare()
    assert (compared.behind, compared.drifts) == ([1], [])
    world.age_orders()
    world.cache.zremrangebyrank("client:{1}:orders", -2, -2)
    assert world.compare().drifts == [Drift(1, "missing", ("orders",))]


def test_a_new_client_is_lag_and_an_old_one_is_missing(world: World) -> None:
    world.orders.rows(REGISTER, ("New", "new@anemailprovider.com"))
    [(new,)] = world.orders.rows("select max(id) from client")
    assert world.compare().behind == [new]
    world.age()
    assert world.compare().drifts == [Drift(new, "missing", ("client",))]


def damage_version_number(cache: redis.Redis) -> None:
    cache.hset("client:{1}", "version", "999999")


def damage_score(cache: redis.Redis) -> None:
    [newest] = cast("list[str]", cache.zrange("client:{1}:orders", -1, -1))
    cache.zadd("client:{1}:orders", {newest: 10**6})


DAMAGES: dict[str, tuple[Callable[[redis.Redis], object], Drift]] = {
    "a field": (lambda cache: cache.hset("client:{1}", "total", "1.00"), Drift(1, "drifted", ("total",))),
    "two fields": (
        lambda cache: cache.hset("client:{1}", mapping={"name": "Eve", "order_count": "7"}),
        Drift(1, "drifted", ("name", "order_count")),
    ),
    "not text": (lambda cache: cache.hset("client:{1}", "name", b"\xff"), Drift(1, "drifted", ("name",))),
    "a field too few": (lambda cache: cache.hdel("client:{1}", "email"), Drift(1, "drifted", ("email",))),
    "a field too many": (lambda cache: cache.hset("client:{1}", "age", "7"), Drift(1, "drifted", ("age",))),
    "a version too great": (damage_version_number, Drift(1, "ahead", ("version",))),
    "no version": (lambda cache: cache.hdel("client:{1}", "version"), Drift(1, "drifted", ("version",))),
    "no number": (lambda cache: cache.hset("client:{1}", "version", "sixty"), Drift(1, "drifted", ("version",))),
    "a version too small": (lambda cache: cache.hset("client:{1}", "version", 3), Drift(1, "missing", ("version",))),
    "no hash": (lambda cache: cache.delete("client:{1}"), Drift(1, "missing", ("client",))),
    "another type": (
        lambda cache: (cache.delete("client:{1}"), cache.set("client:{1}", "x")), Drift(1, "drifted", ("key",))
    ),
    "a list of another type": (
        lambda cache: (cache.delete("client:{1}:orders"), cache.set("client:{1}:orders", "x")),
        Drift(1, "drifted", ("key",)),
    ),
    "no orders": (lambda cache: cache.delete("client:{1}:orders"), Drift(1, "missing", ("orders",))),
    "a foreign order": (
        lambda cache: cache.zadd("client:{1}:orders", {"{}": 10**6}), Drift(1, "drifted", ("orders",))
    ),
    "an order too many": (lambda cache: cache.zadd("client:{1}:orders", {"{}": 1}), Drift(1, "drifted", ("orders",))),
    "a score": (damage_score, Drift(1, "drifted", ("orders",))),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_and_repaired(world: World, damage: str) -> None:
    world.age()
    world.age_orders()
    sound = world.state()
    do, drift = DAMAGES[damage]
    do(world.cache)
    assert world.compare().drifts == [drift]
    assert world.state() != sound
    compared = world.compare(repair=True)
    assert (compared.drifts, compared.repaired) == ([drift], 1)
    assert world.state() == sound
    assert world.compare() == Compared(clients=4)


class Overtaken(PostgresClients):
    """A write model in which something happens after a page was read."""

    def __init__(self, world: World, happens: Callable[[], object]) -> None:
        super().__init__(world.database)
        self._happens = happens

    def page(self, after: int, limit: int) -> list[Kept]:
        kept = super().page(after, limit)
        self._happens()
        return kept


def _order_arrives(world: World) -> Callable[[], None]:
    def happens() -> None:
        world.place(1)
        world.project()

    return happens


def test_a_rebuild_leaves_what_is_newer_by_then(world: World) -> None:
    begin(world.read, 0)
    rebuilt = rebuild(Overtaken(world, _order_arrives(world)), world.read, 0, 100)
    assert (rebuilt.clients, rebuilt.written) == (4, 3)
    assert world.cache.hget("client:{1}", "version") == "61"
    assert world.compare() == Compared(clients=4)


def test_an_order_that_overtakes_the_rebuild_of_a_lost_client_does_not_hide_the_older_ones(world: World) -> None:
    """The event finds no client, and so brings one of its orders; the page was read before it."""
    world.cache.flushall()
    begin(world.read, 0)
    rebuild(Overtaken(world, _order_arrives(world)), world.read, 0, 100)
    assert world.cache.zcard("client:{1}:orders") == 50
    assert world.compare() == Compared(clients=4)


def test_a_repair_leaves_what_is_newer_by_then(world: World) -> None:
    world.cache.hset("client:{1}", "total", "1.00")
    arrives = _order_arrives(world)

    class Late(CachedClients):
        def replace(self, clients: Any, although: Any = None) -> list[bool]:
            arrives()
            return super().replace(clients, although)

    read = Late(Cache(world.client))
    compared = Comparison(world.write, read, lambda _: None, time.time, lag_s=LAG_S, repair=True).page(0, 100)
    assert (compared.drifts, compared.repaired) == ([Drift(1, "drifted", ("total",))], 0)
    assert world.compare() == Compared(clients=4)


def test_events_turned_away_by_a_wrong_version_are_not_lost_by_the_repair(world: World) -> None:
    damage_version_number(world.cache)
    arrives = _order_arrives(world)

    class Late(CachedClients):
        first = True

        def replace(self, clients: Any, although: Any = None) -> list[bool]:
            if self.first:
                arrives()
                self.first = False
            return super().replace(clients, although)

    read = Late(Cache(world.client))
    Comparison(world.write, read, lambda _: None, time.time, lag_s=LAG_S, repair=True).page(0, 100)
    assert world.cache.hget("client:{1}", "version") == "61"
    assert world.compare() == Compared(clients=4)


def test_orders_that_come_while_comparing_are_no_drift(world: World) -> None:
    write = Overtaken(world, _order_arrives(world))
    compared = Comparison(write, world.read, lambda _: None, time.time, lag_s=LAG_S, repair=False).page(0, 100)
    assert compared == Compared(clients=4)


def test_a_client_that_never_stands_still_is_moving(world: World) -> None:
    arrives = _order_arrives(world)

    class Busy(Overtaken):
        def some(self, ids: Any) -> Any:
            arrives()
            kept = super().some(ids)
            arrives()
            return kept

    compared = Comparison(Busy(world, arrives), world.read, lambda _: None, time.time, lag_s=LAG_S, repair=True).page(
        0, 100
    )
    assert compared == Compared(clients=4, moving=1)


def test_a_hash_and_its_orders_are_read_as_of_one_moment(world: World) -> None:
    world.cache.config_resetstat()
    world.read.read([1, 2])
    statistics = world.cache.info("commandstats")
    assert statistics["cmdstat_exec"]["calls"] == 1


def test_a_client_of_the_read_model_only_is_an_orphan(world: World) -> None:
    world.cache.hset("client:{77}", "version", "3")
    world.cache.zadd("client:{78}:orders", {"{}": 1})
    world.cache.set("client:{x}", "not ours")
    sound = world.orphans()
    assert sound.drifts == [Drift(77, "orphan", ("client",)), Drift(78, "orphan", ("client",))]
    assert world.orphans(repair=True).repaired == 2
    assert world.cache.exists("client:{77}", "client:{78}:orders") == 0
    assert world.orphans().drifts == []
    assert world.compare() == Compared(clients=4)


def test_an_orphan_that_changed_meanwhile_is_not_removed(world: World) -> None:
    world.cache.hset("client:{77}", "version", "3")
    assert world.read.remove({77: "2"}) == 0
    assert world.cache.exists("client:{77}") == 1


def test_a_deleted_client_leaves_an_orphan(world: World) -> None:
    world.orders.rows("delete from client where id = 3")
    assert world.compare() == Compared(clients=3)
    assert world.orphans().drifts == [Drift(3, "orphan", ("client",))]


def test_a_rebuild_goes_on_where_it_stopped_and_knows_when_its_start_is_lost(world: World) -> None:
    world.cache.flushall()
    begin(world.read, 0)
    first = rebuild(world.write, world.read, 0, 2)
    assert first == Rebuilt(2, 2, 2)
    assert world.read.position("rebuild") == "2"
    # An answer that was lost: the page is done again.
    assert rebuild(world.write, world.read, 0, 2) == first
    assert rebuild(world.write, world.read, 2, 100) == Rebuilt(2, 2, None)
    assert world.read.position("rebuild") is None
    begin(world.read, 0)
    rebuild(world.write, world.read, 0, 2)
    world.cache.flushall()
    assert rebuild(world.write, world.read, 2, 100).lost


def test_a_pass_walks_all_and_goes_on_where_its_time_ended(world: World) -> None:
    world.cache.hset("client:{77}", "version", "3")
    world.cache.hset("client:{4}", "total", "1.00")
    comparison = Comparison(world.write, world.read, time.sleep, time.time, lag_s=LAG_S, repair=False)
    looks = [100.0, 100.0, 100.0, 100.0, 1.0]

    def left() -> float:
        return looks.pop(0) if looks else 1.0

    first = walk(comparison, world.read, Pace(2, 1000), left, lambda _: None, 25.0)
    assert first == Passed(clients=2)
    second = walk(comparison, world.read, Pace(2, 1000), lambda: 100.0, lambda _: None, 25.0)
    drifts = [Drift(4, "drifted", ("total",)), Drift(77, "orphan", ("client",))]
    assert second == Passed(clients=2, drifts=drifts, complete=True)
    third = walk(comparison, world.read, Pace(2, 1000), lambda: 100.0, lambda _: None, 25.0)
    assert third == Passed(clients=4, drifts=drifts, complete=True)


class Context:
    """Lambda's, with much time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 200_000


@pytest.fixture
def function(
    world: World, valkey: ValkeyServer, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """The handler as in the system: with the operator's login, and the rights that the cache's operator has."""
    execute: Callable[..., Any] = cache.execute_command  # redis-py leaves it without types
    execute("ACL", "SETUSER", "operator", "reset", ">password", *_PERMISSIONS["operator"].split())
    client = one_shard(CacheSettings(valkey.host, valkey.port, False, "none", "", ""))
    client.connection_pool.connection_kwargs.update(username="operator", password="password")
    monkeypatch.setattr(handler, "write_model", lambda: world.write)
    monkeypatch.setattr(handler, "read_model", lambda: CachedClients(Cache(client)))
    monkeypatch.setenv("RECONCILE_PER_SECOND", "1000")
    yield lambda event: handler.handle(event, Context())
    client.close()
    cache.acl_deluser("operator")


def test_all_commands_get_by_with_the_rights_they_have(
    world: World, function: Callable[[dict[str, Any]], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert function({"command": "position"}) == {"after": None, "last": 4}
    rebuilt = function({"command": "rebuild", "after": 0, "limit": 2, "begin": True})
    assert rebuilt == {"clients": 2, "written": 2, "next": 2, "lost": False, "last": 4}
    assert function({"command": "position"}) == {"after": 2, "last": 4}
    assert not function({"command": "rebuild", "after": 2, "limit": 100})["lost"]
    world.cache.hset("client:{2}", "name", "Eve")
    world.cache.hset("client:{77}", "version", "3")
    answer = function({"command": "pass"})
    assert answer == {"clients": 4, "behind": 0, "moving": 0, "drifted": 2, "complete": True}
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (line["ClientsCompared"], line["ClientsBehind"], line["ClientsDrifted"]) == ([4.0], [0.0], [2.0])
    compared = function({"command": "compare", "repair": True})
    assert compared["drifts"] == [asdict(Drift(2, "drifted", ("name",)))]
    assert compared["repaired"] == 1
    assert function({"command": "orphans", "repair": True})["repaired"] == 1
    assert function({"command": "pass"})["drifted"] == 0


def test_the_log_names_no_person(
    world: World, function: Callable[[dict[str, Any]], dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    world.cache.hset("client:{2}", "name", "Eve")
    function({"command": "pass"})
    text = " ".join(str(vars(record)) for record in caplog.records)
    assert "drifted" in text
    assert not any(word in text for word in ("Eve", "Ali", "anemailprovider"))


@pytest.mark.parametrize("table", ["client", "orders", "order_line", "product", "outbox"])
def test_the_operator_reads_and_writes_nothing(orders: Orders, table: str) -> None:
    connection = orders.connect("operator")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from {table} limit 1")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"delete from {table}")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("select * from idempotency_key")
    finally:
        connection.close()


def test_a_page_reads_no_orders_but_its_clients_last_ones(world: World) -> None:
    world.orders.rows("insert into client (name, email) select 'x', 'a@b.c' from generate_series(1, 2000)")
    world.orders.rows("insert into orders (client_id, total, placed_at) select 5 + n % 2000, 1, now()"
                      " from generate_series(1, 100000) n")  # fmt: skip
    world.orders.rows("analyze orders, client")
    world.orders.rows("select pg_stat_reset_single_table_counters('orders'::regclass)")
    world.write.page(0, 20)
    world.database.close()

    def read() -> Any:
        world.orders.rows("select pg_stat_clear_snapshot()")
        return world.orders.rows("select seq_scan, idx_scan from pg_stat_user_tables where relname = 'orders'")[0]

    until(lambda: read()[1] > 0, what="the statistics have arrived")
    assert read()[0] == 0
