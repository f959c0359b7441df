"""The replication loop: reads the slot, sends records, confirms positions.

Everything is driven by select() on the replication socket and on a pipe that the lanes to Kinesis write
to, so a change goes out as soon as it is there. While the lanes are busy, changes collect into larger
batches. A position is confirmed to the server when Kinesis has all records up to it, in the order of
the log. With nothing outstanding psycopg2 answers each keepalive of the server with the position it
names, so the slot of an idle task does not hold the log back. That is safe: the server names a position
only after it has sent all commits before it.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2

from twin.capture.changes import Changes
from twin.capture.kinesis import MOST_RECORDS
from twin.capture.lane import Ticket
from twin.capture.record import Record, timestamp
from twin.capture.source import replication
from twin.capture.spec import Source

READ_MESSAGES = 3 * MOST_RECORDS
STATUS_S = 1.0
CONFIRM_S = 0.1
FINISH_S = 2.0
_PLUGIN_OPTIONS = {"include-timestamp": "on", "skip-empty-xacts": "on"}
_EMPTY_READS = 50

Submit = Callable[[Sequence[Record], Ticket], None]
"""Sends records; the ticket is done once Kinesis has them all."""


class Stream:
    """Reads one slot.

    Args:
        source: the endpoint.
        slot: name of the slot.
        changes: makes records of messages.
        sink: takes the records (`KinesisSink`, or a stand-in for measuring).
        wake: read end of the pipe that the sink writes to; non-blocking.
        stop: ends `run`; whoever sets it writes to the pipe too.
        on_log: told the events and commit times of each batch as it leaves for the sink.
        silent_s: seconds after which the server drops a silent reader.
    """

    def __init__(
        self,
        source: Source,
        slot: str,
        changes: Changes,
        sink: Any,
        *,
        wake: int,
        stop: threading.Event,
        on_log: Callable[[Sequence[str], Sequence[float]], None] = lambda _events, _commits: None,
        silent_s: float = float("inf"),
    ) -> None:
        self._source = source
        self._slot = slot
        self._changes = changes
        self._sink = sink
        self._wake = wake
        self._stop = stop
        self._on_log = on_log
        self._status_s = min(STATUS_S, silent_s / 3)
        self._tickets: deque[Ticket] = deque()
        self._position = 0
        self._submitted = 0
        self._confirmed = 0.0
        self._unsent = False
        self._last_status = 0.0
        self._empty_reads = 0

    def run(self, on_started: Callable[[], None] = lambda: None) -> None:
        """Read until stopped. What was sent and not yet confirmed stays known for the next run.

        Raises:
            psycopg2.Error: the connection broke or the slot cannot be read.
            CaptureError: the log cannot be understood, or a policy or a lane stopped the task.
        """
        self._changes.forget()
        self._submitted = 0
        # Counted anew: the reads that told the end of the last stream say nothing about this one.
        self._empty_reads = 0
        with replication(self._source) as opened, opened.cursor() as cursor:
            cursor.start_replication(slot_name=self._slot, options=_PLUGIN_OPTIONS, decode=False)
            self._unsent = self._position > 0
            on_started()
            while not self._stop.is_set():
                self._step(opened, cursor)
            self._finish(cursor)

    def _step(self, opened: Any, cursor: Any) -> None:
        self._sink.check()
        full = self._sink.is_full
        messages = 0 if full else self._read(cursor)
        self._submit()
        self._confirm(cursor)
        if messages:
            self._empty_reads = 0
        else:
            self._sleep(opened, full)

    def _read(self, cursor: Any) -> int:
        changes = self._changes
        changes.now = timestamp(time.time())
        read, feed, records = cursor.read_message, changes.feed, changes.records
        for number in range(READ_MESSAGES):
            message = read()
            if message is None:
                return number
            feed(message.payload, message.data_start)
            if len(records) >= MOST_RECORDS:
                return number + 1
        return READ_MESSAGES

    def _submit(self) -> None:
        changes = self._changes
        count = len(changes.records)
        # Behind a busy lane a small batch gains nothing: it grows until the lane is free.
        if count and count < MOST_RECORDS and not self._sink.is_hungry:
            return
        if not count and changes.committed == self._submitted:
            return
        records, events, commits, position = changes.take()
        self._submitted = position
        self._on_log(events, commits)
        for start in range(0, max(count, 1), MOST_RECORDS):
            end = start + MOST_RECORDS
            # All of the batch must be taken before its commits are confirmed: the last part carries them.
            ticket = Ticket(position if end >= count else 0, events[start:end])
            self._tickets.append(ticket)
            self._sink.submit(records[start:end], ticket)

    def _confirm(self, cursor: Any) -> None:
        tickets = self._tickets
        while tickets and tickets[0].done:
            position = tickets.popleft().position
            if position > self._position:
                self._position = position
                self._unsent = True
        now = time.monotonic()
        if self._unsent and now - self._confirmed > CONFIRM_S:
            cursor.send_feedback(flush_lsn=self._position, force=True)
            self._unsent = False
            self._confirmed = self._last_status = now
        elif now - self._last_status > self._status_s:
            cursor.send_feedback(force=True)
            self._last_status = now

    def _sleep(self, opened: Any, full: bool) -> None:
        timeout = CONFIRM_S if self._unsent else self._status_s
        ready, _, _ = select.select([self._wake] if full else [opened, self._wake], [], [], timeout)
        if self._wake in ready:
            os.read(self._wake, 65536)
        if opened not in ready:
            self._empty_reads = 0
            return
        # Readable and nothing to read, time and again: the server has ended the stream in good order.
        self._empty_reads = self._empty_reads + 1
        if self._empty_reads > _EMPTY_READS:
            raise psycopg2.OperationalError("The server ended the replication stream.")

    def _finish(self, cursor: Any) -> None:
        # What was not submitted comes again; what is under way gets a moment to be confirmed.
        deadline = time.monotonic() + FINISH_S
        while self._tickets and time.monotonic() < deadline:
            self._sink.check()
            self._confirm(cursor)
            if self._tickets:
                select.select([self._wake], [], [], CONFIRM_S)
        self._confirmed = 0
        self._confirm(cursor)
