"""A rebuild into another generation of the read model, between a real database and a real cache."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from functions.common.cache import Cache
from functions.common.errors import CacheUnavailable
from functions.common.generations import KEPT_S
from functions.get_client.view import CachedClients as ClientViews
from functions.list_orders.view import CachedOrders as OrderViews
from functions.project_clients.fold import fold
from functions.project_clients.writer import ReadModelWriter
from functions.reconcile import generation
from functions.reconcile.compare import Compared, Drift
from functions.reconcile.control import CachedControl
from functions.reconcile.errors import NoRoom
from functions.reconcile.generation import STAGES, State, Stepped, abandon, begin, step
from functions.reconcile.kept import Kept
from functions.reconcile.rebuild import begin as begin_in_place
from functions.reconcile.rebuild import rebuild
from tests.functions.samples import decode_client, message

# Fixtures of that module, and the commands' own with the rights that the cache's writer has.
from tests.functions.test_reconciling import World, function, place, world  # noqa: F401

Function = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def control(world: World, monkeypatch: pytest.MonkeyPatch) -> CachedControl:  # noqa: F811
    """The control; nothing has to be waited for."""
    monkeypatch.setattr(generation, "SETTLE_MS", 0)
    monkeypatch.setattr(generation, "DROP_MS", 0)
    return CachedControl(Cache(world.client))


def until_stage(control: CachedControl, world: World, stage: str) -> State:  # noqa: F811
    for _ in range(100):
        if (state := control.state()).stage == stage:
            return state
        step(control, world.write, 2)
    raise AssertionError(stage)


def view(world: World, id_client: int) -> tuple[Any, Any]:  # noqa: F811
    """A client and its orders, as queries show them that have just begun."""
    cache = Cache(world.client)
    return ClientViews(cache).client(id_client), OrderViews(cache).orders(id_client)


def project_by(writer: ReadModelWriter, world: World) -> None:  # noqa: F811
    """Let a projector that is running for some time take all new events."""
    events = world.events()
    assert writer.write([fold((event["id"], decode_client(message(event))) for event in events)]) == []
    world.projected |= {event["id"] for event in events}


def keys(world: World) -> set[str]:  # noqa: F811
    return set(map(str, world.cache.keys("*client:*")))


def test_queries_read_the_old_generation_until_all_of_the_new_one_is_there(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    before = {number: view(world, number) for number in (1, 2, 3, 4)}
    old = keys(world)
    # Damage: what queries show comes from the one generation or from the other.
    world.cache.hset("client:{1}", "name", "Eve")
    assert begin(control)
    stages: list[str] = []
    while (state := control.state()).stage != "steady":
        stages.append(state.stage)
        switched = state.stage in ("settling", "dropping")
        assert state.active == ("b:" if switched else "")
        assert view(world, 1)[0].name == ("Bob" if switched else "Eve")
        assert {number: view(world, number) for number in (2, 3, 4)} == {n: before[n] for n in (2, 3, 4)}
        step(control, world.write, 2)
    assert list(dict.fromkeys(stages)) == list(STAGES[1:])
    assert keys(world) == {f"b:{key}" for key in old}
    assert {number: view(world, number) for number in (1, 2, 3, 4)} == before
    assert world.compare() == Compared(clients=4)
    # And back, into the first one.
    assert begin(control)
    assert until_stage(control, world, "steady").active == ""
    assert keys(world) == old
    assert {number: view(world, number) for number in (1, 2, 3, 4)} == before


@pytest.mark.parametrize("stage", ["clearing", "filling", "settling", "dropping"])
@pytest.mark.parametrize("turns_back", [False, True])
def test_an_order_at_any_moment_is_seen_at_once_and_kept(
    world: World,  # noqa: F811
    control: CachedControl,
    stage: str,
    turns_back: bool,
) -> None:
    old = keys(world)
    begin(control)
    until_stage(control, world, stage)
    world.place(1)
    world.place(3)
    world.project()
    assert (view(world, 1)[0].version, view(world, 3)[0].version) == (61, 1)
    late = stage == "dropping"
    if turns_back:
        assert abandon(control) is not late
        assert (view(world, 1)[0].version, view(world, 3)[0].version) == (61, 1)
    world.place(2)
    world.project()
    active = until_stage(control, world, "steady").active
    assert active == ("" if turns_back and not late else "b:")
    assert world.compare() == Compared(clients=4)
    assert world.orphans().drifts == []
    assert keys(world) == {active + key for key in old | {"client:{3}:orders"}}
    assert not abandon(control)


def test_a_projector_that_does_not_know_of_the_new_generation_writes_it_all_the_same(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    writer = ReadModelWriter(world.client, clock=lambda: 0.0)
    world.place(1)
    project_by(writer, world)
    begin(control)
    until_stage(control, world, "filling")
    step(control, world.write, 100)
    world.place(1)
    project_by(writer, world)
    assert world.cache.hget("b:client:{1}", "version") == "62"
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)


def test_a_projector_that_forgot_its_script_meanwhile_writes_all_generations(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    writer = ReadModelWriter(world.client, clock=lambda: 0.0)
    world.place(1)
    project_by(writer, world)
    begin(control)
    until_stage(control, world, "filling")
    world.cache.script_flush()
    world.place(2)
    project_by(writer, world)
    assert [world.cache.hget(f"{prefix}client:{{2}}", "version") for prefix in ("", "b:")] == ["5", "5"]


def test_a_client_refused_by_one_generation_fails_with_its_messages_once(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    begin(control)
    until_stage(control, world, "filling")
    for prefix in ("", "b:"):
        world.cache.delete(f"{prefix}client:{{1}}:orders")
        world.cache.set(f"{prefix}client:{{1}}:orders", "of another type")
    world.place(1)
    world.place(2)
    changes = fold((event["id"], decode_client(message(event))) for event in world.events())
    [(change, _)] = ReadModelWriter(world.client).write([changes])
    assert change.client.id == 1
    assert view(world, 2)[0].version == 5


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_in_whatever_order_nothing_is_lost(
    world: World,  # noqa: F811
    control: CachedControl,
    seed: int,
) -> None:
    """Orders, projectors of which none looks by itself, steps of two operators, second thoughts."""
    chance = random.Random(seed)
    writers = [ReadModelWriter(world.client, clock=lambda: 0.0) for _ in range(3)]
    deeds: list[Callable[[], object]] = [
        lambda: world.place(chance.randint(1, 4)),
        lambda: project_by(chance.choice(writers), world),
        lambda: begin(control),
        lambda: step(control, world.write, chance.randint(1, 3)),
        lambda: step(control, world.write, chance.randint(1, 3)),
        lambda: abandon(control) if chance.random() < 0.2 else None,
    ]
    for _ in range(80):
        chance.choice(deeds)()
    project_by(writers[0], world)
    assert world.compare() == Compared(clients=4)
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)
    assert world.orphans().drifts == []


def test_two_who_go_on_share_the_work(world: World, control: CachedControl) -> None:  # noqa: F811
    begin(control)
    assert not begin(control)
    until_stage(control, world, "filling")

    class Slow(CachedControl):
        """Somebody else does the same page meanwhile."""

        def fill(self, generation: str, clients: Any) -> None:
            step(control, world.write, 2)
            super().fill(generation, clients)

    assert step(Slow(Cache(world.client)), world.write, 2) == Stepped(clients=2)
    assert control.state().cursor == "2"
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)


def test_nobody_goes_on_from_a_state_that_was_left(world: World, control: CachedControl) -> None:  # noqa: F811
    seen = control.state()
    assert begin(control)
    assert not control.move(seen, replace(seen, stage="dropping"))
    found = control.state()
    assert (found.number, found.stage) == (1, "clearing")


def test_a_move_told_twice_is_one(world: World, control: CachedControl) -> None:  # noqa: F811
    """A connection that breaks before the answer has come: `Cache` does the same again."""

    class Twice(Cache):
        def run(self, commands: Callable[[redis.Redis], Any]) -> Any:
            commands(world.client)
            return commands(world.client)

    twice = CachedControl(Twice(world.client))
    assert begin(twice)
    assert control.state().number == 1
    until_stage(twice, world, "steady")
    assert world.compare() == Compared(clients=4)


def test_what_is_left_of_former_times_is_removed_before_it_is_filled(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    world.cache.hset("b:client:{1}", mapping={"version": "999999", "name": "Eve"})
    world.cache.hset("b:client:{77}", "version", "3")
    world.cache.zadd("b:client:{78}:orders", {"{}": 1})
    world.cache.set("other:client:{1}", "not ours")
    begin(control)
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)
    assert world.orphans().drifts == []
    assert world.cache.exists("other:client:{1}") == 1


def test_readers_ask_every_few_seconds_and_follow_then(world: World, control: CachedControl) -> None:  # noqa: F811
    now = [1000.0]
    clients = ClientViews(Cache(world.client), lambda: now[0])
    listed = OrderViews(Cache(world.client), lambda: now[0])
    world.cache.config_resetstat()
    for _ in range(10):
        assert clients.client(1)
        assert listed.orders(1)
        now[0] += KEPT_S / 11
    assert world.cache.info("commandstats")["cmdstat_hmget"]["calls"] == 10 + 2
    begin(control)
    until_stage(control, world, "settling")
    world.cache.hset("b:client:{1}", mapping={"name": "Robert", "version": "61"})
    now[0] += KEPT_S / 11
    assert (clients.client(1).name, listed.orders(1).version) == ("Robert", 61)  # type: ignore[union-attr]
    # A clock that was set back.
    until_stage(control, world, "steady")
    begin(control)
    until_stage(control, world, "settling")
    now[0] -= 3600
    assert clients.client(1).name == "Bob"  # type: ignore[union-attr]


def test_a_switch_waits_until_all_queries_know(
    world: World,  # noqa: F811
    control: CachedControl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert generation.SETTLE_MS >= 2000 * KEPT_S
    begin(control)
    until_stage(control, world, "settling")
    stepped = step(control, world.write, 2)
    assert 0 < stepped.wait_ms <= generation.SETTLE_MS
    assert control.state().stage == "settling"


@pytest.mark.parametrize("stage", ["clearing", "filling", "settling", "dropping", "steady"])
def test_when_the_cache_is_emptied_the_first_generation_is_filled_in_place(
    world: World,  # noqa: F811
    control: CachedControl,
    stage: str,
) -> None:
    begin(control)
    until_stage(control, world, stage)
    writer = ReadModelWriter(world.client, clock=lambda: 0.0)
    world.place(1)
    project_by(writer, world)
    assert world.compare() == Compared(clients=4)
    world.cache.flushall()
    assert step(control, world.write, 2) == Stepped()
    assert control.state() == State()
    world.place(2)
    project_by(writer, world)
    assert view(world, 2)[0].version == 5
    begin_in_place(world.read, 0)
    rebuild(world.write, world.read, 0, 100)
    assert view(world, 1)[0].version == 61
    assert world.compare() == Compared(clients=4)


def test_a_control_that_is_lost_alone_is_told_and_mended_in_place(world: World, control: CachedControl) -> None:  # noqa: F811
    begin(control)
    until_stage(control, world, "steady")
    world.age()
    world.cache.delete("read_model")
    assert world.compare().drifts == [Drift(number, "missing", ("client",)) for number in (1, 2, 3, 4)]
    begin_in_place(world.read, 0)
    rebuild(world.write, world.read, 0, 100)
    assert world.compare() == Compared(clients=4)
    begin(control)
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)


DAMAGES: dict[str, Callable[[redis.Redis], object]] = {
    "another generation": lambda cache: cache.hset("read_model", "active", "c:"),
    "not text": lambda cache: cache.hset("read_model", "filling", b"\xff"),
    "another type": lambda cache: (cache.delete("read_model"), cache.set("read_model", "x")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_control_is_refused_by_all(world: World, control: CachedControl, damage: str) -> None:  # noqa: F811
    DAMAGES[damage](world.cache)
    world.place(1)
    changes = fold((event["id"], decode_client(message(event))) for event in world.events())
    for ask in (
        lambda: view(world, 1), lambda: ReadModelWriter(world.client).write([changes]), lambda: world.compare(),
        lambda: control.state(), lambda: begin(control),
    ):  # fmt: skip
        with pytest.raises(CacheUnavailable):
            ask()


def test_a_repair_mends_the_generation_that_is_filled_too(world: World, control: CachedControl) -> None:  # noqa: F811
    begin(control)
    until_stage(control, world, "filling")
    step(control, world.write, 2)
    lost = world.place(1)
    world.projected |= {event["id"] for event in world.events()}
    world.age()
    world.cache.hset("b:client:{77}", "version", "3")
    world.cache.hset("client:{77}", "version", "3")
    assert world.compare(repair=True).repaired == 1
    assert world.orphans(repair=True).repaired == 1
    until_stage(control, world, "steady")
    assert view(world, 1)[1].orders[0].id_order == lost
    assert world.compare() == Compared(clients=4)
    assert world.orphans().drifts == []


def test_a_cache_that_is_too_small_is_not_filled(world: World, control: CachedControl) -> None:  # noqa: F811
    begin(control)
    world.cache.config_set("maxmemory", str(world.cache.info("memory")["used_memory"] + 2**20))
    try:
        with pytest.raises(NoRoom, match="MiB"):
            until_stage(control, world, "filling")
        assert control.state().stage == "clearing"
        assert view(world, 1)[0].version == 60
    finally:
        world.cache.config_set("maxmemory", "0")
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)


def test_a_page_that_a_slow_database_gives_is_of_the_time_after_the_announcement(
    world: World,  # noqa: F811
    control: CachedControl,
) -> None:
    """An order that comes while a page is on its way is in the new generation by its event."""
    begin(control)
    until_stage(control, world, "filling")

    class Slow:
        def page(self, after: int, limit: int) -> list[Kept]:
            kept = world.write.page(after, limit)
            world.place(1)
            world.project()
            return kept

    step(control, Slow(), 100)  # type: ignore[arg-type]
    assert view(world, 1)[0].version == 61
    until_stage(control, world, "steady")
    assert world.compare() == Compared(clients=4)


@pytest.fixture
def commands(
    function: Function,  # noqa: F811
    world: World,  # noqa: F811
    valkey: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Function:
    from functions.reconcile import handler

    writer = handler.read_model()._cache
    monkeypatch.setattr(handler, "control", lambda: CachedControl(writer))
    monkeypatch.setattr(generation, "SETTLE_MS", 0)
    monkeypatch.setattr(generation, "DROP_MS", 0)
    return function


def test_the_command_gets_by_with_the_rights_it_has(commands: Function, world: World) -> None:  # noqa: F811
    told = commands({"command": "switch", "do": "tell"})
    assert (told["stage"], told["active"], told["last"]) == ("steady", "", 4)
    assert commands({"command": "switch", "do": "begin"})["done"]
    again = commands({"command": "switch", "do": "begin"})
    assert (again["done"], again["stage"]) == (False, "clearing")
    stages = {}
    for _ in range(20):
        told = commands({"command": "switch", "do": "step", "limit": 2})
        stages[told["stage"]] = told["after"]
    assert list(stages) == ["filling", "settling", "dropping", "steady"]
    assert stages["filling"] == 4
    assert (told["active"], told["begun"]) == ("b:", again["begun"])
    assert view(world, 1)[0].version == 60
    assert not commands({"command": "switch", "do": "abandon"})["done"]
