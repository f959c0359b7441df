"""Batches are gathered within their size, their window and the payload that Lambda takes."""

from __future__ import annotations

import threading
from typing import Any

from twin.event_source.batches import BATCH_BYTES, Gatherer


class Source:
    """A queue with a clock: each receive takes as long as its wait, unless there are messages."""

    def __init__(self, *answers: int | list[int]) -> None:
        self.asked: list[tuple[int, int]] = []
        self.now = 0.0
        self._answers = [[10] * answer if isinstance(answer, int) else answer for answer in answers]

    def receive(self, most: int, wait_s: int) -> list[Any]:
        self.asked.append((most, wait_s))
        sizes = self._answers.pop(0) if self._answers else []
        if not sizes:
            self.now += wait_s
        assert len(sizes) <= most
        return [{"Body": "x" * size} for size in sizes]

    def gatherer(self, batch_size: int, window_s: int) -> Gatherer:
        stopping = threading.Event()

        def wait(timeout: float | None = None) -> bool:
            self.now += timeout or 0.0
            return stopping.is_set()

        stopping.wait = wait  # type: ignore[method-assign]
        self.stopping = stopping
        return Gatherer(self.receive, batch_size, window_s, stopping, lambda: self.now)


def test_without_a_window_a_batch_is_one_receive() -> None:
    source = Source(3, 7)
    gatherer = source.gatherer(10, 0)
    assert [len(gatherer.next()), len(gatherer.next())] == [3, 7]
    assert source.asked == [(10, 20), (10, 20)]


def test_nothing_gives_an_empty_batch() -> None:
    assert Source().gatherer(10, 5).next() == []


def test_a_window_gathers_several_receives_to_a_full_batch() -> None:
    source = Source(10, 10, 5, 10)
    assert len(source.gatherer(35, 5).next()) == 35
    assert [most for most, _ in source.asked] == [35, 10, 10, 10]
    assert source.now < 5


def test_an_unfilled_batch_waits_for_the_window_and_no_longer() -> None:
    source = Source(2, 1)
    assert len(source.gatherer(100, 5).next()) == 3
    assert source.now == 5


def test_a_window_longer_than_a_long_poll_is_waited_for_in_parts() -> None:
    source = Source(1)
    assert len(source.gatherer(100, 50).next()) == 1
    assert source.now == 50
    assert max(wait_s for _, wait_s in source.asked) <= 20


def test_a_batch_that_would_be_too_large_is_closed_and_the_rest_kept() -> None:
    half = BATCH_BYTES // 2
    source = Source([half], [half - 5000, 10, half], [7])
    gatherer = source.gatherer(10, 5)
    assert [len(message["Body"]) for message in gatherer.next()] == [half, half - 5000, 10]
    assert [len(message["Body"]) for message in gatherer.next()] == [half, 7]


def test_stopping_closes_the_batch_as_it_is() -> None:
    source = Source(2)
    gatherer = source.gatherer(100, 300)
    source.stopping.set()
    assert len(gatherer.next()) == 2
    assert source.now == 0
