"""Reads one shard from its checkpoint on and delivers it, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from twin.aws_errors import code_of
from twin.pipe.checkpoint import Checkpoints, Position, Stream
from twin.pipe.delivery import Delivery
from twin.pipe.errors import StoppedError, StreamGoneError
from twin.pipe.records import Item, Reading
from twin.pipe.settings import PipeSettings
from twin.pipe.source import Shard, Source
from twin.tracing import Tracer

FETCH_RECORDS = 500
IDLE_WAIT_S = 5.0
# Under load a checkpoint for each batch of ten would cost more than the rest; after a crash, what was delivered
# since the last one is delivered again.
CHECKPOINT_EVERY_S = 0.1

log = logging.getLogger(__name__)


class ShardReader(threading.Thread):
    """One shard.

    Args:
        shard: to read.
        stream: its identity.
        settings: of the pipe.
        source: of the records.
        reading: makes items of records.
        delivery: delivers batches of items.
        checkpoints: where positions are kept.
        tracer: for trace lines.
        on_end: called when the shard is done with, or gone.
    """

    def __init__(
        self,
        shard: Shard,
        stream: Stream,
        settings: PipeSettings,
        source: Source,
        reading: Reading,
        delivery: Delivery,
        checkpoints: Checkpoints,
        tracer: Tracer,
        *,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(name=shard.name, daemon=True)
        self.shard = shard
        self.opened = threading.Event()
        self.busy = False
        self.ended = False  # read to the end of a closed shard
        self.gone = False  # the stream or the shard does not exist any more
        self.error: BaseException | None = None
        self._stream = stream
        self._settings = settings
        self._source = source
        self._reading = reading
        self._delivery = delivery
        self._checkpoints = checkpoints
        self._tracer = tracer
        self._on_end = on_end
        self._stopping = threading.Event()
        self._position = checkpoints.load(shard.name)
        self._saved = self._position
        self._saved_at = 0.0
        self._pending: list[tuple[dict[str, Any], Item]] = []
        self._pending_since = 0.0

    def stop(self) -> None:
        """Ask the reader to end after the batch at hand."""
        self._stopping.set()

    def run(self) -> None:
        """Read until the shard ends, goes, or the reader is stopped."""
        try:
            self._read()
        except StoppedError:
            pass
        except StreamGoneError as error:
            log.warning("Shard %s is gone: %s", self.shard.name, error)
            self.gone = True
        except Exception as error:  # noqa: BLE001 - raised again where the pipe is run, whatever it is
            self.error = error
        finally:
            self.opened.set()
            self._on_end()

    def _read(self) -> None:
        if self._position is not None and self._position.ended:
            self.ended = True
            return
        iterator = self._open()
        self.opened.set()
        while not self._stopping.is_set():
            try:
                records, following = self._source.records(iterator, FETCH_RECORDS, self._wait_s())
            except ClientError as error:
                if code_of(error) != "ExpiredIteratorException":
                    raise
                log.info("The iterator of shard %s expired; reading on from the checkpoint.", self.shard.name)
                self._pending.clear()
                iterator = self._open()
                continue
            if self._stopping.is_set():
                return  # what was just read is read again at the next start
            self.busy = True
            try:
                self._take(records, last=following is None)
                if following is None:
                    self._finish()
                    return
            finally:
                self.busy = False
            iterator = following

    def _open(self) -> str:
        return self._source.iterator(self.shard, self._position, self._stream)

    def _wait_s(self) -> float:
        if not self._pending:
            return IDLE_WAIT_S
        return self._pending_since + self._settings.batching_window_s - time.monotonic()

    def _take(self, records: Sequence[dict[str, Any]], *, last: bool) -> None:
        """Deliver the records in batches, keeping an unfilled one while the batching window is open."""
        batch, size = self._pending, self._settings.batch_size
        read: Position | None = None
        for record in records:
            item = self._reading.item(record)
            if item is None:
                read = Position(record["SequenceNumber"], record["ApproximateArrivalTimestamp"].timestamp())
                continue
            if not batch:
                self._pending_since = time.monotonic()
            batch.append((record, item))
            if len(batch) == size:
                self._deliver()
                read = None
        if batch and (last or self._window_is_over()):
            self._deliver()
        elif read is not None and not batch:
            # Only dropped records since the last batch: nothing of them is owed.
            self._position = read
        self._save(now=not records or len(records) < FETCH_RECORDS)

    def _window_is_over(self) -> bool:
        return time.monotonic() >= self._pending_since + self._settings.batching_window_s

    def _deliver(self) -> None:
        items = [item for _, item in self._pending]
        if self._tracer.enabled:
            self._tracer.hop("pipe", [item.outbox_id for item in items if item.outbox_id is not None])
        given_up = self._delivery.run(items)
        if self._tracer.enabled and len(given_up) < len(items):
            self._tracer.hop(
                "topic", [item.outbox_id for item in items if item.outbox_id is not None and item not in given_up]
            )
        last = items[-1]
        self._position = Position(last.sequence_number, last.arrival)
        self._pending.clear()
        self._save(now=False)
        if self._stopping.is_set():
            self._save(now=True)
            raise StoppedError("stopped between two batches")

    def _finish(self) -> None:
        position = self._position or Position(None)
        self._position = Position(position.sequence_number, position.arrival, ended=True)
        self._save(now=True)
        self.ended = True
        log.info("Shard %s is closed and read to its end.", self.shard.name)

    def _save(self, *, now: bool) -> None:
        position = self._position
        if position is None or position == self._saved:
            return
        if now or time.monotonic() - self._saved_at >= CHECKPOINT_EVERY_S:
            self._checkpoints.save(self.shard.name, position)
            self._saved = position
            self._saved_at = time.monotonic()
