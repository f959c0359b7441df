"""The source stream: its shards, iterators and records, by calls that outlive a restart of the service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from twin.aws_errors import UNREACHABLE, code_of, is_throttling, pause_s, status_of
from twin.pipe.checkpoint import Position, Stream
from twin.pipe.errors import StreamGoneError
from twin.pipe.settings import PipeSettings

WAIT_HEADER = "x-twin-wait-ms"
RETRY_FIRST_S, RETRY_MOST_S = 0.05, 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """A shard and those it was made from."""

    name: str
    parents: tuple[str, ...]


class Source:
    """Reads a Kinesis stream.

    Args:
        kinesis: boto3 client that does not retry by itself.
        settings: of the pipe.
        pause: waits a number of seconds; raises `StoppedError` to break off.
    """

    def __init__(self, kinesis: Any, settings: PipeSettings, pause: Callable[[float], None]) -> None:
        self._kinesis = kinesis
        self._settings = settings
        self._pause = pause
        self._wait = threading.local()
        kinesis.meta.events.register("before-sign.kinesis.GetRecords", self._add_wait)

    def _add_wait(self, request: Any, **_: Any) -> None:
        request.headers[WAIT_HEADER] = str(getattr(self._wait, "milliseconds", 0))

    def created(self) -> float:
        """Wait until the stream exists and give the time of its creation, unix seconds."""
        reported = False
        while True:
            try:
                summary = self._call("describe_stream_summary", StreamARN=self._settings.source_arn)
            except StreamGoneError:
                if not reported:
                    log.warning("The stream %s does not exist; waiting for it.", self._settings.source_arn)
                    reported = True
                self._pause(0.2)
                continue
            moment: float = summary["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp()
            return moment

    def shards(self) -> list[Shard]:
        """List all shards, closed ones too.

        Raises:
            StreamGoneError: the stream does not exist.
        """
        found: list[Shard] = []
        request: dict[str, Any] = {"StreamARN": self._settings.source_arn}
        while True:
            answer = self._call("list_shards", **request)
            for shard in answer["Shards"]:
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                found.append(Shard(shard["ShardId"], tuple(parent for parent in parents if parent)))
            if not answer.get("NextToken"):
                return found
            request = {"NextToken": answer["NextToken"]}

    def iterator(self, shard: Shard, position: Position | None, stream: Stream) -> str:
        """Give an iterator after a position; without one, where the pipe starts.

        Args:
            shard: to read.
            position: what was delivered last; None if nothing was.
            stream: its identity.

        Raises:
            StreamGoneError: the stream or the shard does not exist.
        """
        if position is not None and position.sequence_number is not None:
            try:
                return self._iterator(shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=position.sequence_number)
            except ClientError as error:
                if code_of(error) != "InvalidArgumentException":
                    raise
                log.warning(
                    "Shard %s does not know record %s any more (%s): reading from its oldest record; "
                    "what was trimmed in between is lost.",
                    shard.name,
                    position.sequence_number,
                    error,
                )
                return self._iterator(shard, "TRIM_HORIZON")
        return self._first_iterator(shard, stream)

    def _first_iterator(self, shard: Shard, stream: Stream) -> str:
        start = self._settings.starting_position
        if start == "TRIM_HORIZON":
            return self._iterator(shard, "TRIM_HORIZON")
        if start == "AT_TIMESTAMP":
            return self._iterator(shard, "AT_TIMESTAMP", Timestamp=self._settings.starting_timestamp)
        # LATEST means since the pipe was first started: also after a restart before the first record, and for
        # shards that came into being later.
        return self._iterator(shard, "AT_TIMESTAMP", Timestamp=stream.first_started)

    def _iterator(self, shard: Shard, kind: str, **options: Any) -> str:
        answer = self._call(
            "get_shard_iterator",
            StreamARN=self._settings.source_arn,
            ShardId=shard.name,
            ShardIteratorType=kind,
            **options,
        )
        return str(answer["ShardIterator"])

    def records(self, iterator: str, limit: int, wait_s: float) -> tuple[list[dict[str, Any]], str | None]:
        """Read records; the service may wait up to `wait_s` seconds for the first.

        Returns:
            The records and the next iterator, which is None at the end of a closed shard.

        Raises:
            StreamGoneError: the stream or the shard does not exist.
            ClientError: ExpiredIteratorException.
        """
        self._wait.milliseconds = max(0, int(wait_s * 1000))
        # The ARN lets the service check the permission on this stream, also where iterators are opaque.
        answer = self._call("get_records", ShardIterator=iterator, Limit=limit, StreamARN=self._settings.source_arn)
        return answer["Records"], answer.get("NextShardIterator")

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        attempt = 0
        while True:
            try:
                answer: dict[str, Any] = getattr(self._kinesis, operation)(**request)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    raise StreamGoneError(str(error)) from error
                if not is_throttling(error) and status_of(error) < 500:
                    raise
                reason: Exception = error
            except UNREACHABLE as error:
                reason = error
            else:
                if attempt:
                    log.info("%s succeeded after %d attempts.", operation, attempt + 1)
                return answer
            attempt += 1
            if attempt == 1:
                log.warning("%s failed, trying again: %s", operation, reason)
            self._pause(pause_s(attempt, RETRY_FIRST_S, RETRY_MOST_S))
