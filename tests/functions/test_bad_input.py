"""What becomes of each kind of bad input, for both consumers. The table of docs/operations.md, row by row.

Refused means: reported as failed, alone, so that it comes again and ends in the dead-letter queue of that consumer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from functions.common.cache import connect
from functions.common.settings import CacheSettings
from functions.project_clients import handler as project_clients
from functions.project_clients.writer import ReadModelWriter
from tests.functions.samples import batch, client_event, failed, message

# Fixtures of that module.
from tests.functions.test_notify_once import Notifier, emulator, event, notifier  # noqa: F401
from twin.servers.valkey import ValkeyServer

TIMES = 1000
CONSUMERS = ["project_clients", "notify_client"]


@dataclass
class Consumer:
    """One of the two, by what can be seen of it."""

    deliver: Callable[..., set[str]]
    done: Callable[[], list[int]]
    """Clients that something was done for, each as often as it was."""


@pytest.fixture(params=CONSUMERS)
def consumer(
    request: pytest.FixtureRequest,
    valkey: ValkeyServer,
    cache: redis.Redis,
    notifier: Notifier,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Consumer:
    if request.param == "notify_client":

        def mailed() -> list[int]:
            return sorted(int(each.rsplit("-", 1)[1][:6]) for each in notifier.ses.events())

        return Consumer(notifier.deliver, mailed)
    writer = ReadModelWriter(connect(CacheSettings(valkey.host, valkey.port, False, "none", "", "")))
    monkeypatch.setattr(project_clients, "read_model", lambda: writer)

    def projected() -> list[int]:
        return sorted(int(str(key).split("{")[1][:-1]) for key in cache.keys("client:{*}"))

    return Consumer(lambda *bodies: failed(project_clients.handle(batch(*bodies), None)), projected)


def without(*path: str) -> str:
    payload = event(9)
    holder: Any = payload
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return message(payload)


def cut_payload(share: float) -> str:
    """As if a column had been cut: the row is whole, its payload is not."""
    body = json.loads(message(event(9)))
    text = body["data"]["payload"]
    body["data"]["payload"] = text[: int(len(text) * share)]
    return json.dumps(body)


def cut_body(share: float) -> str:
    body = message(event(9))
    return body[: int(len(body) * share)]


REFUSED: dict[str, Callable[[], str]] = {
    "envelope without data": lambda: json.dumps({"metadata": {"operation": "insert"}}),
    "envelope without metadata": lambda: json.dumps({"data": json.loads(message(event(9)))["data"]}),
    "envelope that is no object": lambda: "[1]",
    "CloudEvents without id": lambda: without("id"),
    "CloudEvents without specversion": lambda: without("specversion"),
    "event without the client's state": lambda: without("data", "client"),
    "event without the order": lambda: without("data", "order"),
    "subject of another client": lambda: message({**event(9), "subject": "8"}),
    "unknown type": lambda: message({**event(9), "type": "orders.OrderShipped.v1"}),
    "newer version of a type": lambda: message({**event(9), "type": "orders.OrderPlaced.v2"}),
    "unknown operation": lambda: message(event(9), operation="update"),
    "version below zero": lambda: message({**event(9), "data": _version(-1)}),
    "payload cut to nothing": lambda: cut_payload(0.0),
    "payload cut in the middle": lambda: cut_payload(0.5),
    "payload cut by its last byte": lambda: cut_payload(0.9999),
    "body cut in the middle": lambda: cut_body(0.5),
    "body cut by its last byte": lambda: cut_body(0.9999),
    "empty body": lambda: "",
    "not text": lambda: "\ufffd\x00",
}  # fmt: skip


def _version(version: int) -> dict[str, Any]:
    data: dict[str, Any] = event(9)["data"]
    data["client"]["version"] = version
    return data


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_understood_is_refused_alone(
    consumer: Consumer, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    assert consumer.deliver(message(event(1)), REFUSED[kind](), message(event(2))) == {"m1"}
    assert consumer.done() == [1, 2]
    [refused] = [record for record in caplog.records if record.message == "message refused"]
    assert refused.levelname == "ERROR"
    # It stays refused, and harms nothing however often it comes.
    assert consumer.deliver(REFUSED[kind]()) == {"m0"}
    assert consumer.done() == [1, 2]


def test_a_thousand_duplicates_have_one_effect(consumer: Consumer) -> None:
    body = message(event(1))
    for _ in range(TIMES // 100):
        assert consumer.deliver(*[body] * 100) == set()
    assert consumer.done() == [1]


def test_versions_that_go_backwards_change_nothing_and_are_no_fault(consumer: Consumer, cache: redis.Redis) -> None:
    for version in (3, 2, 1):
        assert consumer.deliver(message(event(1, version=version, id_order=version))) == set()
    # A mail for each order, whatever came first; the client is what its newest version says.
    if consumer.done() != [1, 1, 1]:
        assert cache.hget("client:{1}", "version") == "3"
        assert cache.zcard("client:{1}:orders") == 3


def test_who_wants_no_mail_refuses_other_types_that_get_past_the_filter(notifier: Notifier) -> None:  # noqa: F811
    assert notifier.deliver(message(client_event(version=2, order_count=1))) == {"m0"}
    assert notifier.ses.taken == []
