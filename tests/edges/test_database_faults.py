"""The connection to PostgreSQL when it breaks, hangs or is refused: what the request gets, and what stays behind.

Everything goes through TLS and token logins, as on AWS (see postgres_front.py).
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.common.errors import DatabaseUnavailable
from functions.place_order import handler
from functions.place_order.command import Placed, PlaceOrder, place_order
from functions.place_order.store import PostgresOrders
from tests.edges.conftest import Aurora, master
from tests.edges.placing import LINES, counts, place, sessions, set_for_app, store_over
from tests.edges.postgres_front import Fault
from tests.functions.samples import post_order, problem
from tests.twin.waiting import until
from twin.servers.postgres import PostgresServer

pytestmark = pytest.mark.usefixtures("settings_of_app")


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("fault", ["lose request", "lose answer"])
def test_a_lost_answer_is_asked_for_again_within_the_request(aurora: Aurora, fault: Fault, key: str | None) -> None:
    database = aurora.database()
    aurora.front.faults.append(fault)
    placed = place(database, key)
    assert (placed.client_version, placed.replayed) == (1, fault == "lose answer")
    assert aurora.front.accepted == 2
    assert counts(aurora.orders) == [1, 2, 1, 1]


def test_after_a_crash_between_commit_and_answer_the_repetition_gets_the_first_answer(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "orders", store_over(aurora))
    aurora.front.faults += ["lose answer", "lose answer"]
    event = post_order(Idempotency_Key="key")
    problem(handler.handle(event, None), 503)
    assert counts(aurora.orders) == [1, 2, 1, 1]
    first = handler.handle(event, None)
    assert first["statusCode"] == 201
    assert handler.handle(event, None) == first
    assert counts(aurora.orders) == [1, 2, 1, 1]


@pytest.mark.timeout(60)
def test_a_server_that_hangs_is_a_503_and_its_late_answer_is_nobodys(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "orders", store_over(aurora, answer_s=1.0))
    aurora.front.faults.append("silence")
    event = post_order(Idempotency_Key="key")
    answer = handler.handle(event, None)
    problem(answer, 503)
    assert answer["headers"]["Retry-After"] == "1"
    # Not repeated: the time was spent. The next request has a connection of its own.
    # (The goodbye of the connection that was given up may or may not have come by.)
    assert aurora.front.messages["Q"] == 1
    assert handler.handle(event, None)["statusCode"] == 201
    assert aurora.front.accepted == 2
    assert counts(aurora.orders) == [1, 2, 1, 1]
    until(lambda: sessions(aurora.orders) == 1, what="end of the connection that was given up")


@pytest.mark.timeout(60)
def test_a_login_that_is_not_answered_ends_in_time(aurora: Aurora) -> None:
    database = aurora.database(answer_s=1.0)
    aurora.front.silent_logins = 1
    with pytest.raises(DatabaseUnavailable, match="no connection in time"):
        place(database)
    assert place(database).client_version == 1


def test_a_restarted_server_is_found_again(aurora: Aurora, postgres: PostgresServer) -> None:
    database = aurora.database()
    place(database)
    aurora.orders.master.close()
    postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        place(database)
    postgres.start()
    assert place(database).client_version == 2


def test_a_connection_that_died_in_between_is_replaced_within_the_request(aurora: Aurora) -> None:
    database = aurora.database()
    for version in (1, 2, 3):
        assert place(database).client_version == version
        aurora.front.cut()
    assert aurora.front.accepted == 3


def test_a_demoted_writer_is_left_within_the_request(aurora: Aurora) -> None:
    set_for_app(aurora.orders, "default_transaction_read_only", "on")
    database = aurora.database()
    with pytest.raises(DatabaseUnavailable, match="25006"):
        place(database)
    assert aurora.front.accepted == 2, "replaced once, and led to the same server"

    database.repeatable("select 1", ())
    # The name leads to the new writer from now on.
    set_for_app(aurora.orders, "default_transaction_read_only", "off")
    assert place(database).client_version == 1
    assert counts(aurora.orders) == [1, 2, 1, 1]


def test_a_statement_out_of_time_is_ended_by_the_server_and_the_connection_serves_on(aurora: Aurora) -> None:
    set_for_app(aurora.orders, "statement_timeout", "100ms")
    database = aurora.database()
    with pytest.raises(DatabaseUnavailable, match="57014"):
        database.repeatable("select pg_sleep(60)", ())
    assert aurora.front.messages == {"Q": 1}
    assert place(database).client_version == 1
    assert aurora.front.accepted == 1


def test_orders_that_cannot_be_serialized_are_repeated(aurora: Aurora) -> None:
    set_for_app(aurora.orders, "default_transaction_isolation", "serializable")
    orders = 6
    start = threading.Barrier(orders)

    def order(_: int) -> int:
        database = aurora.database()
        database.repeatable("select 1", ())
        start.wait(10)
        try:
            return place(database).client_version
        except DatabaseUnavailable:
            return 0  # too often in a row
        finally:
            database.close()

    with ThreadPoolExecutor(orders) as pool:
        versions = sorted(version for version in pool.map(order, range(orders)) if version)
    assert versions == list(range(1, len(versions) + 1))
    assert aurora.front.messages["Q"] > 2 * orders, "no conflict came about"
    assert aurora.orders.rows("select count(*) from orders") == [(len(versions),)]


def test_a_deadlock_is_repeated(aurora: Aurora) -> None:
    set_for_app(aurora.orders, "deadlock_timeout", "50ms")
    orders = aurora.orders
    database = aurora.database()
    database.repeatable("select 1", ())
    command = PlaceOrder("demo", 1, LINES, "key")
    # The key is held by somebody who then wants the client: the other way round than place_order does it.
    place(database, "key")
    orders.rows("update idempotency_key set created_at = created_at - interval '2 days'")
    aurora.front.messages.clear()
    other = master(orders)
    other.autocommit = False
    with other.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        # Found out by whoever waits first, which is place_order.
        cursor.execute("set deadlock_timeout = '60s'; select from idempotency_key for update")
        placing = pool.submit(place_order, command, PostgresOrders(database, 24))
        waiting = "select count(*) from pg_stat_activity where usename = 'app' and wait_event_type = 'Lock'"
        until(lambda: orders.rows(waiting) == [(1,)], what="place_order waiting for the key")
        cursor.execute("select from client where id = 1 for update")
        other.rollback()
        assert placing.result(30) == Placed(placing.result().id_order, 2, False)
    other.close()
    assert aurora.front.messages == {"Q": 2}
