"""Gathers messages into the batches that a function is invoked with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from twin.event_source.queue import LONG_POLL_S, REQUEST_MESSAGES
from twin.event_source.records import Message

# An invocation's payload may have 6 MB; the rest is for the record around each body.
BATCH_BYTES = 5_500_000
RECORD_BYTES = 1_000

Receive = Callable[[int, int], list[Message]]


class Gatherer:
    """Makes batches by as many receives as they need.

    Without a batching window, a batch is what one receive gives. With one, receiving goes on until the batch is
    full, its payload would be too large, or the window since its first message is over.

    Args:
        receive: receives up to a number of messages, waiting up to a number of seconds.
        batch_size: most messages of a batch.
        window_s: the batching window.
        stopping: once set, a batch is closed as it is.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        receive: Receive,
        batch_size: int,
        window_s: int,
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive = receive
        self._batch_size = batch_size
        self._window_s = window_s
        self._stopping = stopping
        self.idle = False  # in a long poll, holding no message
        self._clock = clock
        self._left_over: list[Message] = []

    def next(self) -> list[Message]:
        """Give the next batch; empty if no message came during one long poll."""
        batch, self._left_over = self._left_over, []
        if not batch:
            self.idle = True
            batch = self._receive(self._batch_size, LONG_POLL_S)
            self.idle = False
        if not batch or not self._window_s:
            return batch
        deadline = self._clock() + self._window_s
        size = sum(map(_size, batch))
        over = False
        while len(batch) < self._batch_size and not over and not self._stopping.is_set():
            left_s = deadline - self._clock()
            over = left_s <= 0  # one last look at what came during the last pause
            room = min(self._batch_size - len(batch), REQUEST_MESSAGES)
            more = self._receive(room, min(max(int(left_s), 0), LONG_POLL_S))
            if not more and 0 < left_s < 1:
                # A long poll takes whole seconds.
                self._stopping.wait(left_s)
            for position, message in enumerate(more):
                size += _size(message)
                if size > BATCH_BYTES:
                    self._left_over = more[position:]
                    return batch
                batch.append(message)
        return batch


def _size(message: Message) -> int:
    return len(message["Body"]) + RECORD_BYTES
