"""A second version of an event beside the first, both written for a while: each effect once, for both consumers.

Version 2 of OrderPlaced, as it might come one day: amounts are objects with a currency. That breaks readers of version
1, so it is another type. It is the same event, and so has the same id (docs/event-evolution.md).
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import redis

from functions.common import events
from functions.common.errors import EventError, UnknownEvent
from functions.common.events import ORDER_PLACED, Event, decode
from functions.common.settings import CacheSettings
from functions.project_clients import handler as project_clients
from functions.project_clients.writer import ReadModelWriter
from tests.functions.samples import batch, failed, message, order_placed

# Fixtures of that module.
from tests.functions.test_notify_once import Notifier, emulator, event, notifier  # noqa: F401
from twin.servers.valkey import ValkeyServer

ORDER_PLACED_V2 = "orders.OrderPlaced.v2"
Project = Callable[..., set[str]]


def second(payload: dict[str, Any]) -> dict[str, Any]:
    """The same event as version 2."""
    changed = copy.deepcopy(payload)
    changed["type"] = ORDER_PLACED_V2
    for holder in (changed["data"]["client"], changed["data"]["order"]):
        holder["total"] = {"amount": holder["total"], "currency": "EUR"}
    return changed


def decode_second(payload: str | dict[str, Any]) -> Event:
    """What a decoder of version 2 would do: the same event for the code behind it."""
    plain = json.loads(payload) if isinstance(payload, str) else copy.deepcopy(payload)
    plain["type"] = ORDER_PLACED
    for holder in (plain["data"]["client"], plain["data"]["order"]):
        holder["total"] = holder["total"]["amount"]
    return events.DECODERS[ORDER_PLACED](plain)


@pytest.fixture
def reads_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(events.DECODERS, ORDER_PLACED_V2, decode_second)


@pytest.fixture
def project(valkey: ValkeyServer, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Hands messages to the projector; gives those that failed."""
    from functions.common.cache import connect

    writer = ReadModelWriter(connect(CacheSettings(valkey.host, valkey.port, False, "none", "", "")))
    monkeypatch.setattr(project_clients, "read_model", lambda: writer)
    return lambda *bodies: failed(project_clients.handle(batch(*bodies), None))


def held(cache: redis.Redis) -> dict[str, Any]:
    keys = sorted(map(str, cache.keys("*")))
    return {key: cache.hgetall(key) if cache.type(key) == "hash" else cache.zrange(key, 0, -1) for key in keys}


@pytest.mark.usefixtures("reads_both")
@pytest.mark.parametrize("seed", range(5))
def test_both_versions_project_to_what_one_does(project: Project, cache: redis.Redis, seed: int) -> None:
    payloads = [order_placed(client, version, client * 100 + version) for client in (1, 2) for version in range(1, 8)]
    assert project(*map(message, payloads)) == set()
    expected = held(cache)
    cache.flushall()
    both = [message(form) for payload in payloads for form in (payload, second(payload), payload)]
    random.Random(seed).shuffle(both)
    for start in range(0, len(both), 5):
        assert project(*both[start : start + 5]) == set()
    assert held(cache) == expected


@pytest.mark.usefixtures("reads_both")
def test_both_versions_make_one_mail(notifier: Notifier) -> None:  # noqa: F811
    payloads = [event(number) for number in (1, 2, 3)]
    first, later = [message(p) for p in payloads], [message(second(p)) for p in payloads]
    # Both in one batch, the newer before the older, and one of them alone.
    assert notifier.deliver(first[0], later[0], later[1]) == set()
    assert notifier.deliver(first[1], later[2], later[0]) == set()
    assert sorted(notifier.ses.events()) == sorted(payload["id"] for payload in payloads)


def test_who_does_not_know_the_second_version_refuses_it_and_goes_on(
    project: Project,
    cache: redis.Redis,
    notifier: Notifier,  # noqa: F811
) -> None:
    payload = event(1)
    bodies = [message(payload), message(second(payload)), message(event(2))]
    assert project(*bodies) == {"m1"}
    assert notifier.deliver(*bodies) == {"m1"}
    assert len(notifier.ses.taken) == 2
    with pytest.raises(UnknownEvent):
        decode(bodies[1])


@pytest.mark.usefixtures("reads_both")
def test_a_second_version_under_the_name_of_the_first_is_damage() -> None:
    with pytest.raises(EventError):
        decode(message({**second(order_placed()), "type": ORDER_PLACED}))
