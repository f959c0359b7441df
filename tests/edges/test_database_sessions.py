"""How many messages and connections orders take, and that none stays behind.

Everything goes through TLS and token logins, as on AWS (see postgres_front.py).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from functions.common.database import CONNECT_SECONDS
from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.place_order import handler
from functions.place_order.errors import UnknownClient
from tests.edges.conftest import Aurora
from tests.edges.placing import counts, place, sessions, set_for_app, store_over
from tests.functions.samples import post_order, problem
from tests.twin.waiting import until

pytestmark = pytest.mark.usefixtures("settings_of_app")


def test_an_order_is_one_message_to_the_server(aurora: Aurora) -> None:
    database = aurora.database()
    place(database)
    aurora.front.messages.clear()
    for number in range(5):
        place(database, f"key {number}")
    # A simple query: neither "begin" nor "commit", nothing prepared, nothing fetched apart.
    assert aurora.front.messages == {"Q": 5}
    assert counts(aurora.orders) == [6, 12, 6, 6]
    database.close()


def test_no_more_connections_is_a_503_and_no_lasting_harm(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "orders", store_over(aurora))
    aurora.orders.rows("alter role app connection limit 1")
    other = aurora.orders.connect("app")
    for _ in range(3):
        answer = handler.handle(post_order(), None)
        problem(answer, 503)
        assert answer["headers"]["Retry-After"] == "1"
    other.close()
    until(lambda: sessions(aurora.orders) == 0, what="end of the other connection")
    assert handler.handle(post_order(), None)["statusCode"] == 201
    assert counts(aurora.orders) == [1, 2, 1, 1]


def test_hundreds_of_requests_and_errors_leave_one_connection(aurora: Aurora) -> None:
    set_for_app(aurora.orders, "statement_timeout", "2s")
    database = aurora.database(answer_s=5)
    faults: dict[int, Callable[[], Any]] = {
        10: aurora.front.cut,
        20: lambda: aurora.front.faults.append("lose answer"),
        30: lambda: aurora.front.faults.append("lose request"),
        40: lambda: aurora.orders.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app' and datname = %s",
            (aurora.orders.settings.name,),
        ),
        50: lambda: aurora.front.faults.extend(["lose answer", "lose answer"]),
    }
    served = 0
    for number in range(300):
        faults.get(number % 60, lambda: None)()
        try:
            place(database, f"key {number}", id_client=99 if number % 7 == 0 else 1 + number % 3)
            served += 1
        except (UnknownClient, DatabaseUnavailable):
            pass
        if number % 25 == 0:
            until(lambda: sessions(aurora.orders) <= 1, what="at most one connection")
    assert served > 200
    until(lambda: sessions(aurora.orders) == 1, what="one connection")
    database.close()
    until(lambda: sessions(aurora.orders) == 0, what="no connection")


def test_logins_that_fail_leave_no_connection(aurora: Aurora) -> None:
    database = aurora.database(answer_s=1.0)
    descriptors = psutil.Process().num_fds()
    aurora.orders.rows("alter role app connection limit 0")
    for _ in range(30):
        with pytest.raises(DatabaseUnavailable, match="too many connections"):
            place(database)
    aurora.front.silent_logins = 2
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            place(database)
    until(lambda: psutil.Process().num_fds() <= descriptors, what="all sockets closed")
    assert sessions(aurora.orders) == 0


def test_errors_of_a_statement_keep_the_connection(aurora: Aurora) -> None:
    database = aurora.database()
    for statement in ("select 1/0", "nonsense", "select 1 from nowhere"):
        with pytest.raises(DatabaseError):
            database.repeatable(statement, ())
    assert place(database).client_version == 1
    assert aurora.front.accepted == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="not on this operating system")
def test_a_dead_peer_is_noticed_by_tcp(aurora: Aurora) -> None:
    database = aurora.database()
    place(database)
    assert database._connection is not None
    with socket.socket(fileno=os.dup(database._connection.fileno())) as copy:
        assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == CONNECT_SECONDS * 1000
        assert copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, count = (
            copy.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + interval * count <= 5


def test_the_function_reads_all_of_it_from_its_environment(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = aurora.settings()
    for name, value in {
        "DATABASE_HOST": settings.host, "DATABASE_PORT": str(settings.port), "DATABASE_NAME": settings.name,
        "DATABASE_SSLMODE": settings.sslmode, "DATABASE_SSLROOTCERT": settings.sslrootcert, "DATABASE_USER": "app",
        "DATABASE_AUTH": "iam", "DATABASE_ANSWER_MS": "1000",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    handler.orders.cache_clear()
    assert handler.handle(post_order(), None)["statusCode"] == 201
    aurora.front.faults.append("silence")
    problem(handler.handle(post_order(), None), 503)
    handler.orders.cache_clear()
