"""The contenders do the same work: what they leave in the cache is the same, and nobody's answer is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from bench import projection, queries
from bench.events import batches
from bench.frame.benchmark import Place
from bench.functions import bare_client, valkey
from functions.common.read_model import KEPT_ORDERS


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, {"clients": 7, "calls": 10, "events": 20}, stack)


@pytest.fixture
def cache(place: Place) -> Iterator[redis.Redis]:
    with bare_client(valkey(place.folder, place.stack)) as client:
        yield client


def states(cache: redis.Redis) -> dict[bytes, Any]:
    """All that is there, by key."""
    found: Any = cache.keys("client:{*}*")
    return {
        key: cache.zrange(key, 0, -1, withscores=True) if key.endswith(b":orders") else cache.hgetall(key)
        for key in found
    }


def test_the_loop_writes_what_the_projector_writes(cache: redis.Redis) -> None:
    way = projection.Projection(cache, batches(2, 120, 10))
    way.loop()
    by_loop = states(cache)
    way.handler()
    assert len(by_loop) == 4
    assert len(by_loop[b"client:{1}:orders"]) == KEPT_ORDERS
    assert states(cache) == by_loop


def test_one_by_one_comes_to_the_same_totals(cache: redis.Redis) -> None:
    import json

    way = projection.Projection(cache, batches(7, 40, 10))
    way.handler()
    totals = {key: float(state[b"total"]) for key, state in states(cache).items() if not key.endswith(b":orders")}
    way.one_by_one()
    for key, total in totals.items():
        text = cache.get(key.replace(b"{", b"").replace(b"}", b""))
        assert isinstance(text, bytes)
        assert json.loads(text)["total"] == total


def test_queries_answer(place: Place) -> None:
    for case in queries.cases(place):
        for name, contender in case.contenders.items():
            values = contender()
            assert set(values) == {measure.name for measure in case.measures}, name
            assert all(value > 0 for value in values.values())
