"""`ops rebuild` and `ops reconcile` against the running system, as an operator types them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from typer.testing import CliRunner, Result

import ops.stack
from ops.cli import app
from ops.pace import Pace
from ops.switch import NothingToAbandon, SwitchUnderWay
from tests.twin.conftest import System
from tests.twin.test_faults import orders_flowing
from tests.twin.waiting import until

Ops = Callable[..., Result]


@pytest.fixture
def run(system: System, monkeypatch: pytest.MonkeyPatch) -> Ops:
    """Runs `ops --twin <words>` against the system; nothing has drifted when a test begins."""
    monkeypatch.setattr(ops.stack.of_twin, "__defaults__", (system.twin.folder.outputs_file,))
    monkeypatch.setattr(ops.stack.find, "__defaults__", (system.twin.folder.outputs_file,))
    # Wide, so that no line of the output is broken.
    runner = CliRunner(env={"COLUMNS": "250"})

    def run(*words: str) -> Result:
        return runner.invoke(app, ["--twin", *words])

    # Other tests add clients without an event.
    repaired = run("reconcile", "--repair", "--lag-seconds", "0")
    assert repaired.exit_code == 0, repaired.output
    return run


@pytest.fixture
def cache(system: System) -> Iterator[redis.Redis]:
    """The read model, without the functions' rights and limits."""
    host, port = system.outputs["cache_host"], int(system.outputs["cache_port"])
    with redis.Redis(host=host, port=port, decode_responses=True) as client:
        yield client


def compared(run: Ops, *words: str) -> dict[str, Any]:
    """What `ops reconcile --json` says."""
    result = run("reconcile", "--json", *words)
    found: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (1 if found["left"] else 0), result.output
    return found


def passed(system: System) -> dict[str, Any]:
    """What the function answers to its schedule."""
    client, name = system.twin.emulator.client("lambda"), system.outputs["reconcile_function"]
    answer: dict[str, Any] = json.load(client.invoke(FunctionName=name, Payload=b'{"command": "pass"}')["Payload"])
    assert answer["complete"], answer
    return answer


def test_an_emptied_read_model_is_rebuilt_while_orders_keep_coming(
    system: System, run: Ops, cache: redis.Redis
) -> None:
    clients = [system.new_client() for _ in range(4)]
    for client in clients * 3:
        system.place(client)
    with orders_flowing(system, clients) as accepted:
        until(lambda: accepted() >= 10, what="orders accepted")
        cache.flushall()
        rebuilt = run("rebuild")
        assert rebuilt.exit_code == 0, rebuilt.output
        goal = accepted() + 10
        until(lambda: accepted() >= goal, what="orders accepted after the rebuild")
    for client in clients:
        system.converged(client)
    assert "clients read" in rebuilt.output
    found = compared(run)
    assert (found["drifts"], found["left"]) == ([], 0)
    assert found["clients"] == system.rows("select count(*) from client")[0][0]


def test_an_interrupted_rebuild_says_where_and_goes_on_there(
    system: System, run: Ops, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        system.place(system.new_client())
    cache.flushall()
    keep, pages = Pace.keep, [0]

    def interrupted(pace: Pace, clients: int) -> None:
        pages[0] += 1
        if pages[0] == 2:
            raise KeyboardInterrupt
        keep(pace, clients)

    with monkeypatch.context() as patch:
        patch.setattr(Pace, "keep", interrupted)
        stopped = run("rebuild", "--rate", "4")
    assert stopped.exit_code != 0
    assert "Stopped after client 2: `ops rebuild --resume` goes on there." in stopped.output
    resumed = run("rebuild", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "Going on after client 2." in resumed.output
    rows = system.rows("select count(*) from client")
    assert f"{rows[0][0] - 2} clients read" in resumed.output
    assert compared(run)["drifts"] == []
    assert "beginning anew" in run("rebuild", "--resume").output


def test_a_cache_that_is_emptied_under_a_rebuild_is_noticed(
    system: System, run: Ops, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.place(system.new_client())
    keep, pages = Pace.keep, [0]

    def emptied(pace: Pace, clients: int) -> None:
        pages[0] += 1
        if pages[0] == 2:
            cache.flushall()
        keep(pace, clients)

    monkeypatch.setattr(Pace, "keep", emptied)
    rebuilt = run("rebuild", "--rate", "8")
    assert rebuilt.exit_code == 0, rebuilt.output
    assert "beginning anew with the first client" in rebuilt.output
    assert compared(run)["drifts"] == []


def test_damage_is_told_with_exit_code_1_and_repaired_on_request(system: System, run: Ops, cache: redis.Redis) -> None:
    client = system.new_client()
    for _ in range(3):
        system.place(client)
    system.converged(client)
    cache.hset(f"client:{{{client}}}", mapping={"name": "Eve", "total": "1.00"})
    cache.hset("client:{987654}", "version", "3")
    found = compared(run)
    assert found["drifts"] == [
        {"id": client, "kind": "drifted", "fields": ["name", "total"]},
        {"id": 987654, "kind": "orphan", "fields": ["client"]},
    ]
    assert passed(system)["drifted"] == 2
    shown = run("reconcile")
    assert shown.exit_code == 1
    assert "2 have drifted: 1 drifted, 1 orphan." in shown.output, shown.output
    assert "Eve" not in shown.output
    mended = run("reconcile", "--repair")
    assert (mended.exit_code, "2 were repaired." in mended.output) == (0, True), mended.output
    system.converged(client)
    assert run("reconcile").exit_code == 0
    assert passed(system)["drifted"] == 0


def test_lag_is_told_apart(system: System, run: Ops) -> None:
    client = system.new_client()
    projector = system.process("event-source-orders-local-project")
    projector.stop()
    try:
        system.place(client)
        found = compared(run)
        assert (found["behind"], found["drifts"]) == ([client], [])
        assert "1 are behind" in run("reconcile").output
        assert compared(run, "--lag-seconds", "0")["drifts"] == [
            {"id": client, "kind": "missing", "fields": ["client"]}
        ]
    finally:
        projector.start()
    system.converged(client)
    assert compared(run)["behind"] == []


def reading_own_writes(system: System, client: int, stop: threading.Event, wrong: list[str]) -> None:
    """Place an order, read it back, and look once more without a version: it never goes back."""
    while not stop.is_set():
        version = system.place(client)
        seen = system.client.wait_for_version(client, version, timeout_s=30)["version"]
        orders, again = system.client.orders(client), system.client.client(client)
        if orders.status_code != 200 or again.status_code != 200:
            wrong.append(f"version {version}: {orders.status_code} {again.status_code}")
        elif orders.json()["version"] < seen or again.json()["version"] < seen:
            wrong.append(f"version {version}: back to {orders.json()['version']}, {again.json()['version']}")


def test_a_rebuild_into_new_keys_is_switched_to_while_orders_are_placed_and_read(
    system: System, run: Ops, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [system.new_client() for _ in range(3)]
    for client in clients:
        system.place(client)
        system.converged(client)
    cache.hset(f"client:{{{clients[0]}}}", "total", "1.00")
    keep, pages, stop, wrong = Pace.keep, [0], threading.Event(), list[str]()

    def interrupted(pace: Pace, done: int) -> None:
        pages[0] += 1
        if pages[0] == 3:
            raise KeyboardInterrupt
        keep(pace, done)

    readers = [threading.Thread(target=reading_own_writes, args=(system, each, stop, wrong)) for each in clients[1:]]
    for reader in readers:
        reader.start()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Pace, "keep", interrupted)
            stopped = run("rebuild", "--into-new", "--rate", "4")
        assert "`ops rebuild --into-new --resume` goes on" in stopped.output
        assert "A rebuild into a new generation, begun" in run("rebuild", "--status").output
        second = run("rebuild", "--into-new")
        # An expected error: `main` makes it a sentence and the exit code.
        assert isinstance(second.exception, SwitchUnderWay)
        assert system.client.client(clients[0]).json()["total"] == 1.0
        done = run("rebuild", "--into-new", "--resume")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert done.exit_code == 0, done.output
    assert "Queries read generation `b:`." in done.output
    assert wrong == []
    assert list(cache.scan_iter("client:*")) == []
    for client in clients:
        system.converged(client)
    assert compared(run)["drifts"] == []
    # Back to where the other tests look: what the cache's loss does, with orders coming.
    with orders_flowing(system, clients) as accepted:
        cache.flushall()
        goal = accepted() + 10
        until(lambda: accepted() >= goal, what="orders accepted after the loss")
        assert run("rebuild").exit_code == 0
    assert "without a prefix" in run("rebuild", "--status").output
    for client in clients:
        system.converged(client)
    assert compared(run)["drifts"] == []


def test_a_rebuild_into_new_keys_is_abandoned(system: System, run: Ops, cache: redis.Redis) -> None:
    client = system.new_client()
    system.place(client)
    system.converged(client)
    assert isinstance(run("rebuild", "--abandon").exception, NothingToAbandon)
    lambda_ = system.twin.emulator.client("lambda")
    for do in ("begin", "step", "step"):
        payload = json.dumps({"command": "switch", "do": do, "limit": 1}).encode()
        lambda_.invoke(FunctionName=system.outputs["reconcile_function"], Payload=payload)
    assert "filling the new generation" in run("rebuild", "--status").output
    system.place(client)
    system.converged(client)
    abandoned = run("rebuild", "--abandon")
    assert (abandoned.exit_code, "without a prefix" in abandoned.output) == (0, True), abandoned.output
    assert list(cache.scan_iter("b:*")) == []
    system.converged(client)
    assert "No rebuild into a new generation" in run("rebuild", "--status").output
