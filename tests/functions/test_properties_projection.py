"""The read model converges: whatever happened to clients, and however often, late and mixed up it is told."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.common.read_model import KEPT_ORDERS, client_key, orders_key
from functions.project_clients import handler as project_clients
from tests.functions.samples import batch, client_event, failed, message, order_placed
from twin.servers.valkey import ValkeyServer

START = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def read_model(valkey: ValkeyServer, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CACHE_HOST": valkey.host, "CACHE_PORT": str(valkey.port), "CACHE_TLS": "false", "CACHE_AUTH": "none",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    project_clients.read_model.cache_clear()


class History:
    """What happened to one client, as events in the order of their versions: registered, then orders and changes."""

    def __init__(self, id_client: int, steps: Sequence[str]) -> None:
        self.id = id_client
        self.events: list[dict[str, Any]] = []
        count, name, bought = 0, "name 0", None
        for version, step in enumerate(["register", *steps]):
            at = (START + timedelta(seconds=version)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            if step == "order":
                count, bought = count + 1, at
                payload = order_placed(id_client, version, id_order=1000 * id_client + version, time=at)
            else:
                name = f"name {version}"
                payload = client_event("ClientChanged" if version else "ClientRegistered", id_client, version)
            payload["id"] = f"event {id_client}.{version}"
            payload["time"] = at
            payload["data"]["client"].update(
                name=name, order_count=count, total=f"{count * 3000}.00", last_purchase=bought
            )
            self.events.append(payload)

    def expected(self, told: set[int]) -> tuple[dict[str, str], list[float]]:
        """The hash, and the ids of the orders that are kept, once these versions were told."""
        if not told:
            return {}, []
        client = self.events[max(told)]["data"]["client"]
        bought = client["last_purchase"]
        orders = [float(1000 * self.id + v) for v in sorted(told) if "order" in self.events[v]["data"]]
        return {
            "name": client["name"],
            "email": client["email"],
            "order_count": str(client["order_count"]),
            "total": client["total"],
            "last_purchase": "" if bought is None else str(int(datetime.fromisoformat(bought).timestamp())),
            "version": str(max(told)),
        }, orders[-KEPT_ORDERS:]


STEPS = st.lists(st.sampled_from(["order", "order", "change"]), max_size=70)


def _seen(cache: redis.Redis, id_client: int) -> tuple[dict[str, str], list[float]]:
    listed = cast("list[tuple[str, float]]", cache.zrange(orders_key(id_client), 0, -1, withscores=True))
    for member, score in listed:
        assert json.loads(member)["id"] == score
    return cast("dict[str, str]", cache.hgetall(client_key(id_client))), [score for _, score in listed]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEPS, min_size=1, max_size=3),
    chance=st.randoms(use_true_random=False),
    size=st.integers(1, 60),
    repeats=st.integers(0, 60),
)
def test_any_order_and_any_repetition_end_in_the_same_state(
    cache: redis.Redis, steps: list[list[str]], chance: random.Random, size: int, repeats: int
) -> None:
    cache.flushall()
    histories = [History(number, each) for number, each in enumerate(steps, 1)]
    all_of_them = [(history, version) for history in histories for version in range(len(history.events))]
    deliveries = all_of_them + chance.choices(all_of_them, k=repeats)
    chance.shuffle(deliveries)
    told: dict[int, set[int]] = {history.id: set() for history in histories}
    for begin in range(0, len(deliveries), size):
        part = deliveries[begin : begin + size]
        operation = chance.choice(["insert", "load"])
        bodies = [message(history.events[version], operation=operation) for history, version in part]
        assert failed(project_clients.handle(batch(*bodies), None)) == set()
        for history, version in part:
            told[history.id].add(version)
        # Not at the end only: what is told so far is what is seen, and never less than before.
        for history in histories:
            assert _seen(cache, history.id) == history.expected(told[history.id])
        if chance.random() < 0.1:
            cache.script_flush()
    assert told == {history.id: set(range(len(history.events))) for history in histories}


@pytest.mark.parametrize("kinds", [["ClientRegistered"], ["ClientChanged"], ["ClientRegistered", "ClientChanged"]])
def test_a_client_without_orders_is_known(cache: redis.Redis, kinds: list[str]) -> None:
    events = [client_event(kind, 7, int(kind == "ClientChanged")) for kind in kinds]
    assert failed(project_clients.handle(batch(*map(message, events)), None)) == set()
    seen, orders = _seen(cache, 7)
    assert (seen["total"], seen["order_count"], seen["last_purchase"], orders) == ("0.00", "0", "", [])
