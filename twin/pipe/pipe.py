"""A pipe: a reader for each shard of its stream, parents before children."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from twin.pattern import FilterCriteria
from twin.pipe.checkpoint import Checkpoints, Stream
from twin.pipe.dead_letters import dead_letter, encode_dead_letter
from twin.pipe.delivery import Delivery, Policy
from twin.pipe.errors import StoppedError, StreamGoneError
from twin.pipe.reader import ShardReader
from twin.pipe.records import ADDED_FIELDS, Item, Reading
from twin.pipe.settings import PipeSettings
from twin.pipe.source import Shard, Source
from twin.pipe.targets import Target, queue_target, topic_target
from twin.pipe.template import InputTemplate
from twin.tracing import Tracer

DISCOVERY_S = 2.0
STOP_GRACE_S = 5.0
DEAD_LETTER_PAUSE_S = 0.5

ClientMaker = Callable[[str], Any]

log = logging.getLogger(__name__)


class Pipe:
    """Runs one pipe until it is stopped.

    Args:
        settings: checked settings.
        client: makes a boto3 client of a service that does not retry by itself.
        tracer: for trace lines.

    Raises:
        PatternError: a filter pattern that AWS would refuse.
        PipeSettingsError: an input template that AWS would refuse.
    """

    def __init__(self, settings: PipeSettings, client: ClientMaker, tracer: Tracer) -> None:
        self._settings = settings
        self._tracer = tracer
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._criteria = FilterCriteria(settings.patterns, json_field="data", refused_fields=ADDED_FIELDS)
        facts = {
            "pipe-arn": settings.arn,
            "pipe-name": settings.name,
            "source-arn": settings.source_arn,
            "target-arn": settings.target_arn,
        }
        text = settings.input_template
        self._template = None if text is None else InputTemplate(text, facts, log.warning)
        # A folder of its own: the pipe's holds its specification too, and stale positions are cleared by the folder.
        self._checkpoints = Checkpoints(settings.folder / "checkpoints")
        self._source = Source(client("kinesis"), settings, self._pause)
        self._target = self._make_target(client, settings.target_arn)
        dead_letters = settings.dead_letter_arn
        self._dead_letters = None if dead_letters is None else self._make_target(client, dead_letters)
        self._readers: dict[str, ShardReader] = {}

    @staticmethod
    def _make_target(client: ClientMaker, arn: str) -> Target:
        service = arn.split(":")[2]
        return topic_target(client("sns"), arn) if service == "sns" else queue_target(client("sqs"), arn)

    def stop(self) -> None:
        """Ask the pipe to end after the batches at hand. Safe in a signal handler."""
        self._stopping.set()
        self._changed.set()

    def run(self) -> None:
        """Run until stopped.

        Raises:
            Exception: what a reader could not go on from; the position reached is kept.
        """
        if not self._settings.running:
            log.info("The pipe's desired state is STOPPED: it reads nothing.")
            self._tracer.ready()
            self._stopping.wait()
            return
        if self._settings.parallelization_factor > 1:
            log.info("A parallelization factor is taken as 1: one batch of a shard at a time.")
        try:
            while not self._stopping.is_set():
                self._run_on(self._take_stream())
        except StoppedError:
            pass
        finally:
            self._end_readers()

    def _take_stream(self) -> Stream:
        stream, dropped = self._checkpoints.take(self._settings.source_arn, self._source.created())
        if dropped:
            log.warning(
                "The stream %s was made anew since the checkpoints were written: reading it from its beginning.",
                stream.arn,
            )
        return stream

    def _run_on(self, stream: Stream) -> None:
        """Read the stream until it is gone."""
        announced = False
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                self._discover(stream)
            except StreamGoneError as error:
                log.warning("The stream is gone: %s", error)
                break
            if not announced:
                for reader in self._readers.values():
                    while not reader.opened.wait(0.1) and not self._stopping.is_set():
                        pass
                self._tracer.ready()
                announced = True
            self._changed.wait(DISCOVERY_S)
            if self._check_readers():
                break
        self._end_readers()

    def _discover(self, stream: Stream) -> None:
        shards = self._source.shards()
        names = {shard.name for shard in shards}
        for shard in shards:
            if shard.name in self._readers:
                continue
            waited_for = [parent for parent in shard.parents if parent in names]
            if all(parent in self._readers and self._readers[parent].ended for parent in waited_for):
                self._start(shard, stream)

    def _start(self, shard: Shard, stream: Stream) -> None:
        policy = Policy(
            self._settings.maximum_retry_attempts, self._settings.maximum_record_age_s, self._settings.bisect
        )

        def give_up(items: Sequence[Item], condition: str) -> None:
            self._bury(shard.name, items, condition)

        reader = ShardReader(
            shard,
            stream,
            self._settings,
            self._source,
            Reading(self._settings, shard.name, self._criteria, self._template),
            Delivery(self._target.deliver, give_up, policy, pause=self._pause),
            self._checkpoints,
            self._tracer,
            on_end=self._changed.set,
        )
        self._readers[shard.name] = reader
        reader.start()
        log.info("Reading shard %s.", shard.name)

    def _check_readers(self) -> bool:
        """Tell whether the stream is to be looked up anew.

        Raises:
            Exception: what a reader failed by.
        """
        for reader in self._readers.values():
            if reader.error is not None:
                raise reader.error
        return any(reader.gone for reader in self._readers.values())

    def _bury(self, shard: str, items: Sequence[Item], condition: str) -> None:
        place = f"{shard} {items[0].sequence_number} to {items[-1].sequence_number} ({len(items)} records)"
        if self._dead_letters is None:
            log.error("Given up, and there is no dead letter queue: %s, %s.", place, condition)
            return
        document = dead_letter(self._settings.arn, self._settings.source_arn, shard, items, condition, time.time())
        while refusals := self._dead_letters.deliver([encode_dead_letter(document)]):
            log.error("The dead letter queue did not take %s: %s", place, refusals[0].reason)
            self._pause(DEAD_LETTER_PAUSE_S)
        log.error("Sent to the dead letter queue: %s, %s.", place, condition)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppedError("the pipe is stopping")

    def _end_readers(self) -> None:
        for reader in self._readers.values():
            reader.stop()
        deadline = time.monotonic() + STOP_GRACE_S
        for reader in self._readers.values():
            # One that only waits for records has nothing to finish.
            while reader.is_alive() and reader.busy and time.monotonic() < deadline:
                reader.join(0.05)
        self._readers.clear()
