"""The way of records into Kinesis: as many lanes as the task settings ask for.

A key always takes the same lane, which keeps its order (see `twin.capture.lane`). The number of lanes is
ParallelApplyThreads (ParallelLoadThreads in the full load), at least one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from zlib import crc32

from twin.capture.backoff import Backoff
from twin.capture.errors import StoppedError
from twin.capture.lane import Lane, Stream, Ticket
from twin.capture.record import Record

BACKLOG_RECORDS = 20_000
BACKLOG_BYTES = 64 << 20
_THROTTLED_FIRST_S, _THROTTLED_LONGEST_S = 0.05, 1.0
_FAILED_FIRST_S, _FAILED_LONGEST_S = 0.1, 5.0


class KinesisSink:
    """All lanes of a task.

    Args:
        streams: one connection for each lane.
        wake: descriptor of a pipe that gets a byte whenever a batch was taken or a lane failed.
        on_accepted: called in the lane's thread with the events of a batch that was taken.
        retries: RecoverableErrorCount, -1 for ever.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        wake: int,
        on_accepted: Callable[[Sequence[str]], None] = lambda _: None,
        retries: int = -1,
    ) -> None:
        self._wake = wake
        self._on_accepted = on_accepted
        self._stop = threading.Event()
        self._lanes = [
            Lane(
                f"lane-{number}",
                stream,
                (
                    Backoff(self._stop, _THROTTLED_FIRST_S, _THROTTLED_LONGEST_S),
                    Backoff(self._stop, _FAILED_FIRST_S, _FAILED_LONGEST_S, retries),
                ),
                self._accept,
            )
            for number, stream in enumerate(streams)
        ]
        for lane in self._lanes:
            lane.start()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that reading on would only fill memory."""
        records = sum(lane.records for lane in self._lanes)
        return records >= BACKLOG_RECORDS or sum(lane.bytes for lane in self._lanes) >= BACKLOG_BYTES

    @property
    def is_hungry(self) -> bool:
        """Whether a small batch would be sent soon, so that waiting for more gains nothing."""
        return any(lane.is_hungry for lane in self._lanes)

    def submit(self, records: Sequence[Record], ticket: Ticket) -> None:
        """Send records; `ticket` is done when Kinesis took them all. Only one thread may submit."""
        if not records:
            return
        if len(self._lanes) == 1:
            ticket.pending = 1
            self._lanes[0].submit(records, ticket)
            return
        parts: list[list[Record]] = [[] for _ in self._lanes]
        for record in records:
            parts[crc32(record[0].encode()) % len(parts)].append(record)
        ticket.pending = sum(1 for part in parts if part)
        for lane, part in zip(self._lanes, parts, strict=True):
            if part:
                lane.submit(part, ticket)

    def check(self) -> None:
        """Look after the lanes.

        Raises:
            CaptureError: a lane gave up.
        """
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure
            if not lane.is_alive():
                raise StoppedError(f"{lane.name} to Kinesis ended unexpectedly; see the log above.")

    def close(self, timeout_s: float) -> None:
        """Send what is queued for at most `timeout_s` seconds, then end the lanes."""
        for lane in self._lanes:
            lane.close()
        timer = threading.Timer(timeout_s, self._stop.set)
        timer.start()
        for lane in self._lanes:
            lane.join(timeout_s + 1.0)
        timer.cancel()

    def _accept(self, events: Sequence[str]) -> None:
        if events:
            self._on_accepted(events)
        # A full pipe has woken its reader already.
        try:
            os.write(self._wake, b"x")
        except BlockingIOError:
            return
