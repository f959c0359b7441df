"""The queue of a mapping: receives and deletes messages, and outlives a restart of the service."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from twin.aws_clients import queue_url
from twin.aws_errors import UNREACHABLE, code_of, is_throttling, pause_s, status_of
from twin.event_source.records import Message

REQUEST_MESSAGES = 10
LONG_POLL_S = 20
DELETE_ATTEMPTS = 5
RETRY_FIRST_S, RETRY_MOST_S = 0.05, 1.0
MISSING = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})

T = TypeVar("T")

log = logging.getLogger(__name__)


class Queue:
    """A standard SQS queue.

    Args:
        sqs: boto3 client that does not retry by itself.
        arn: of the queue.
        pause: waits a number of seconds; raises to break off.
    """

    def __init__(self, sqs: Any, arn: str, pause: Callable[[float], None]) -> None:
        self._sqs = sqs
        self._arn = arn
        self._pause = pause
        self._url = queue_url(sqs.meta.endpoint_url, arn)

    def visibility_timeout_s(self) -> int:
        """Give the queue's visibility timeout, seconds; waits until the queue exists."""
        return self._outliving(self._look_up_visibility_timeout)

    def _look_up_visibility_timeout(self) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])
        return int(answer["Attributes"]["VisibilityTimeout"])

    def receive(self, most: int, wait_s: int) -> list[Message]:
        """Receive up to `most` (at most ten) messages, waiting up to `wait_s` seconds for the first."""

        def receive() -> list[Message]:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, REQUEST_MESSAGES),
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages: list[Message] = answer.get("Messages", [])
            return messages

        return self._outliving(receive)

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; one that cannot be deleted will be received again."""
        for start in range(0, len(messages), REQUEST_MESSAGES):
            self._delete(messages[start : start + REQUEST_MESSAGES])

    def _delete(self, messages: Sequence[Message]) -> None:
        left = {str(index): message for index, message in enumerate(messages)}
        reason: object = None
        for attempt in range(1, DELETE_ATTEMPTS + 1):
            entries = [{"Id": key, "ReceiptHandle": message["ReceiptHandle"]} for key, message in left.items()]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, *UNREACHABLE) as error:
                reason = error
            else:
                failed = answer.get("Failed", [])
                left = {entry["Id"]: left[entry["Id"]] for entry in failed}
                if not left:
                    return
                reason = failed[0].get("Message")
            self._pause(pause_s(attempt, RETRY_FIRST_S, RETRY_MOST_S))
        log.error("%d messages could not be deleted and will come again: %s", len(left), reason)

    def _outliving(self, call: Callable[[], T]) -> T:
        attempt = 0
        while True:
            try:
                result = call()
            except ClientError as error:
                if code_of(error) not in MISSING and not is_throttling(error) and status_of(error) < 500:
                    raise
                reason: Exception = error
            except UNREACHABLE as error:
                reason = error
            else:
                if attempt:
                    log.info("The queue %s answers again.", self._arn)
                return result
            attempt += 1
            if attempt == 1:
                log.warning("The queue %s does not answer, trying again: %s", self._arn, reason)
            self._pause(pause_s(attempt, RETRY_FIRST_S, RETRY_MOST_S))
