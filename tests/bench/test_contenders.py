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
from functions.common.read_model import FIELDS


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, {"clients": 7, "calls": 10, "events": 20}, stack)


@pytest.fixture
def cache(place: Place) -> Iterator[redis.Redis]:
    with bare_client(valkey(place.folder, place.stack)) as client:
        yield client


def clients(cache: redis.Redis) -> dict[bytes, dict[bytes, bytes]]:
    found: Any = cache.keys("client:{*}")
    return {key: cache.hgetall(key) for key in found}  # type: ignore[misc]


def test_the_loop_writes_what_the_projector_writes(cache: redis.Redis) -> None:
    way = projection.Projection(cache, batches(7, 40, 10))
    way.loop()
    by_loop = clients(cache)
    way.handler()
    by_handler = clients(cache)
    assert set(by_loop) == set(by_handler)
    assert len(by_loop) == 7
    times = b"last_purchase"
    for key, state in by_handler.items():
        assert set(state) == {field.encode() for field in FIELDS}
        # The loop's values are not converted: a time stays text.
        assert {**state, times: b""} == {**by_loop[key], times: b""}


def test_one_by_one_comes_to_the_same_totals(cache: redis.Redis) -> None:
    import json

    way = projection.Projection(cache, batches(7, 40, 10))
    way.handler()
    totals = {key: float(state[b"total"]) for key, state in clients(cache).items()}
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
