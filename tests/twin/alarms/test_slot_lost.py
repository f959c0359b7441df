"""The slot is lost, or the database fails over, while orders come: one command, nothing lost, nothing doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from tests.twin.alarms.conftest import Ops
from tests.twin.conftest import System
from tests.twin.test_control import dropped
from tests.twin.test_faults import orders_flowing
from tests.twin.waiting import until
from twin.mails import sent

CLIENTS = 2


def lose_slot(system: System, run: Ops, goes_on: Callable[[], None]) -> None:
    """Drop the slot under the running task; orders are taken all the while."""
    ((slot,),) = system.rows("select slot_name from pg_replication_slots")
    until(lambda: dropped(system, slot), what="the slot to go")
    until(lambda: "failed" in (shown := run("capture", "status")).output and shown.exit_code == 1, what="the failure")
    assert slot in run("capture", "status").output
    assert "ops capture reload" in run("capture", "status").output
    goes_on()


def fail_over(system: System, run: Ops, goes_on: Callable[[], None]) -> None:
    """Kill the database, which comes back on its data, as a promoted reader does on the cluster's volume."""
    database = system.process("postgres")
    pid = database.pid
    database.kill()
    until(lambda: database.pid not in (None, pid), what="the database restarted")
    goes_on()


@pytest.mark.parametrize("happens", [lose_slot, fail_over])
def test_one_command_mends_it(
    system: System, run: Ops, happens: Callable[[System, Ops, Callable[[], None]], None]
) -> None:
    clients = [system.new_client() for _ in range(CLIENTS)]
    with orders_flowing(system, clients) as accepted:

        def goes_on() -> None:
            goal = accepted() + 5
            until(lambda: accepted() >= goal, what="orders accepted")

        goes_on()
        happens(system, run, goes_on)
        reloaded = run("capture", "reload")
        assert reloaded.exit_code == 0, reloaded.output
        goes_on()
        counted = accepted()
    placed = [row[0] for row in system.rows("select id from orders where client_id = any(%s)", clients)]
    assert len(placed) >= counted
    ((events, versions),) = system.rows(
        "select (select count(*) from outbox where aggregate_id = any(%s::varchar[])),"
        " (select sum(version) from client where id = any(%s))",
        [str(client) for client in clients], clients,
    )  # fmt: skip
    assert events == versions == len(placed)
    for client in clients:
        system.converged(client)
    # Each order was sent to the consumers twice by now, and was mailed about once.
    until(lambda: set(mails(system)) >= subjects(placed), what="a mail about each order", timeout_s=120)
    assert {mails(system)[subject] for subject in subjects(placed)} == {1}
    assert run("capture", "status").exit_code == 0
    differing = {each["id"] for each in json.loads(run("reconcile", "--json").output)["drifts"]}
    assert not differing.intersection(clients)


def subjects(placed: list[int]) -> set[str]:
    return {f"Your order {order}" for order in placed}


def mails(system: System) -> Counter[str]:
    """How many mails there are, by subject."""
    return Counter(mail.subject for mail in sent(system.twin.emulator.endpoint))
