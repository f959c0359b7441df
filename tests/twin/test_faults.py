"""After a crash of any part, every accepted order is in the read model, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg2
import pytest

from tests.twin.conftest import System
from tests.twin.waiting import until

CLIENTS = 4


@contextmanager
def orders_flowing(system: System, clients: list[int]) -> Iterator[Callable[[], int]]:
    """Keep placing orders from several threads; gives a function that tells how many were accepted."""
    stop, accepted, lock = threading.Event(), [0], threading.Lock()

    def work(client_id: int) -> None:
        while not stop.is_set():
            try:
                response = system.client.order(client_id, [(3, 1)])
            except httpx.HTTPError:
                continue
            if response.status_code == 201:
                with lock:
                    accepted[0] += 1

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield lambda: accepted[0]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("victim", ["capture", "pipe", "event-source-orders-local-project", "postgres", "valkey"])
def test_a_killed_part_loses_and_doubles_nothing(system: System, victim: str) -> None:
    clients = [system.new_client() for _ in range(CLIENTS)]
    process = system.process(victim)
    with orders_flowing(system, clients) as accepted:
        for _ in range(3):
            goal = accepted() + 10
            until(lambda goal=goal: accepted() >= goal, what="orders accepted")  # type: ignore[misc]
            pid = process.pid
            process.kill()
            until(lambda pid=pid: process.pid not in (None, pid), what=f"{victim} restarted")  # type: ignore[misc]
        goal = accepted() + 10
        until(lambda: accepted() >= goal, what="orders accepted after the last kill")
        counted = accepted()
    _settled(system, clients, at_least=counted)


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_a_restarted_server_loses_and_doubles_nothing(system: System, server: str) -> None:
    clients = [system.new_client() for _ in range(CLIENTS)]
    with orders_flowing(system, clients) as accepted:
        until(lambda: accepted() >= 10, what="orders accepted")
        system.process(server).restart()
        goal = accepted() + 10
        until(lambda: accepted() >= goal, what="orders accepted after the restart")
        counted = accepted()
    _settled(system, clients, at_least=counted)


def test_orders_are_taken_while_nothing_reads_the_log(system: System) -> None:
    clients = [system.new_client() for _ in range(CLIENTS)]
    capture = system.process("capture")
    capture.stop()
    try:
        for client in clients * 5:
            system.place(client)
    finally:
        capture.start()
    _settled(system, clients, at_least=5 * CLIENTS)


def _settled(system: System, clients: list[int], *, at_least: int) -> None:
    """Compare the write model with itself, with the outbox, and with the read model."""
    until(lambda: _reachable(system), what="the database is back")
    ((orders, events, versions),) = system.rows(
        "select (select count(*) from orders where client_id = any(%(clients)s)),"
        " (select count(*) from outbox where aggregate_id = any(%(clients)s::varchar[])),"
        " (select sum(version) from client where id = any(%(clients)s))".replace("%(clients)s", "%s"),
        clients, [str(client) for client in clients], clients,
    )  # fmt: skip
    assert orders == events == versions
    # An order whose answer was lost on the way is stored too: that is for the caller's idempotency key.
    assert orders >= at_least
    for client in clients:
        system.converged(client)


def _reachable(system: System) -> bool:
    try:
        return system.rows("select 1") == [(1,)]
    except psycopg2.OperationalError:
        return False
