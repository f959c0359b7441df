"""One lane to Kinesis: one call in flight, the order of a key kept.

A lane sends its next call when every record of the one before was taken. Order within a call: Kinesis
may take a record and throttle an earlier one of the same key. Then the earlier one and all later ones
of that key in the call are sent again, also those already taken: the last copies of a key's records are
in order, and a reader that keeps the newest version ends right. And the lane gets careful: the next call
carries at most one record of a key, which cannot be overtaken, then two, four, ... as long as nothing is
throttled. Records of other keys are not sent again.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from twin.capture.backoff import Backoff
from twin.capture.errors import CaptureError, KinesisError
from twin.capture.kinesis import MOST_BYTES, MOST_RECORDS, THROTTLED
from twin.capture.record import Record

log = logging.getLogger(__name__)


class Stream(Protocol):
    """What a lane puts records into."""

    def put(self, records: Sequence[Record]) -> list[str | None]:
        """Put records; see `KinesisStream.put`."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(slots=True)
class Ticket:
    """A batch on its way: `position` may be confirmed to the source once `pending` lanes are through."""

    position: int
    events: Sequence[str] = ()
    pending: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> bool:
        """Whether Kinesis took all records."""
        return self.pending == 0


class Lane(threading.Thread):
    """Sends records one call after the other, in a thread of its own.

    Args:
        name: for messages.
        stream: the lane's own connection.
        backoffs: for throttling, and for calls that fail; they end the lane when told to stop.
        accepted: called with the events of each batch that was taken, and with none when the lane ends.
    """

    def __init__(
        self, name: str, stream: Stream, backoffs: tuple[Backoff, Backoff], accepted: Callable[[Sequence[str]], None]
    ):
        super().__init__(name=name, daemon=True)
        self._stream = stream
        self._throttled, self._failed = backoffs
        self._accepted = accepted
        self._queue: deque[tuple[Sequence[Record], Ticket]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._window = MOST_RECORDS
        self.failure: CaptureError | None = None
        self.records = 0
        self.bytes = 0

    @property
    def is_hungry(self) -> bool:
        """Whether nothing waits behind the call in flight."""
        return not self._queue

    def submit(self, records: Sequence[Record], ticket: Ticket) -> None:
        """Queue records."""
        size = sum([len(data) for _, data in records])
        with self._wake:
            self.records += len(records)
            self.bytes += size
            self._queue.append((records, ticket))
            self._wake.notify()

    def close(self) -> None:
        """End after what is queued, or at once when the backoffs are told to stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def run(self) -> None:
        """Send until closed."""
        try:
            while taken := self._take():
                batch = [record for records, _ in taken for record in records]
                if not self._deliver(batch):
                    return
                with self._wake:
                    self.records -= len(batch)
                    self.bytes -= sum([len(data) for _, data in batch])
                for _, ticket in taken:
                    with ticket.lock:
                        ticket.pending -= 1
                        is_last = ticket.done
                    if is_last:
                        self._accepted(ticket.events)
        except CaptureError as error:
            self.failure = error
        finally:
            self._stream.close()
            self._accepted(())

    def _take(self) -> list[tuple[Sequence[Record], Ticket]]:
        with self._wake:
            while not self._queue:
                if self._closing:
                    return []
                self._wake.wait()
            taken = [self._queue.popleft()]
            count = len(taken[0][0])
            while self._queue and count + len(self._queue[0][0]) <= MOST_RECORDS:
                taken.append(self._queue.popleft())
                count += len(taken[-1][0])
            return taken

    def _deliver(self, pending: list[Record]) -> bool:
        while pending:
            if self._failed.stop.is_set():
                return False
            call, later = choose(pending, self._window)
            try:
                results = self._stream.put(call)
            except KinesisError as error:
                # Nothing is known: all of them again, in the same order.
                log.warning("%s", error)
                (self._throttled if THROTTLED in str(error) else self._failed).pause(str(error))
                continue
            again = to_resend(call, results)
            pending = again + later
            if again:
                codes = Counter(code for code in results if code)
                log.warning("Kinesis took %d of %d records (%s)", len(call) - codes.total(), len(call), dict(codes))
                self._window = 1
                if len(again) == len(call):
                    self._throttled.pause(f"Kinesis takes no records ({dict(codes)}).")
                else:
                    self._throttled.reset()
                    self._throttled.pause("")
            else:
                self._window = min(self._window * 2, MOST_RECORDS)
                self._throttled.reset()
                self._failed.reset()
        return True


def choose(pending: list[Record], window: int) -> tuple[list[Record], list[Record]]:
    """Split records into those of the next call, at most `window` of a key, and those of later ones.

    The order of a key's records is kept: once one of them is left for later, so are all after it.
    """
    call: list[Record] = []
    later: list[Record] = []
    held: set[str] = set()
    of_key: Counter[str] = Counter()
    size = 0
    for place, record in enumerate(pending):
        key, data = record
        if window < MOST_RECORDS:
            of_key[key] += 1
            if key in held or of_key[key] > window:
                held.add(key)
                later.append(record)
                continue
        size += len(data) + len(key.encode())
        if len(call) == MOST_RECORDS or (size > MOST_BYTES and call):
            later.extend(pending[place:])
            break
        call.append(record)
    return call, later


def to_resend(call: Sequence[Record], results: Sequence[str | None]) -> list[Record]:
    """Give the records that were refused, and of each key all after its first refused one."""
    broken: set[str] = set()
    again: list[Record] = []
    for record, code in zip(call, results, strict=True):
        if code:
            broken.add(record[0])
        if record[0] in broken:
            again.append(record)
    return again
