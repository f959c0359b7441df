"""Where a pipe delivers to: an SNS topic or an SQS queue, ten messages a request."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

from twin.aws_clients import queue_url
from twin.aws_errors import THROTTLING, UNREACHABLE, is_throttling, status_of

REQUEST_ENTRIES = 10
SNS_BYTES = 262_144
SQS_BYTES = 1_048_576

Send = Callable[[list[dict[str, Any]]], Mapping[str, Any]]


class Kind(Enum):
    """Why a message was not taken."""

    ENTRY = "the message itself was refused"
    REQUEST = "the request that it was in was refused as a whole"
    BUSY = "the target cannot be reached, or asks to slow down; nothing is known about the message"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that the target did not take."""

    index: int
    kind: Kind
    reason: str


class Target:
    """Sends messages in batches.

    Args:
        name: for messages.
        send: makes one batch request of entries `{"Id", <body_key>}` and gives the answer.
        body_key: name of the message's text in an entry.
        limit: largest size of a message, and of all messages of a request, in bytes of UTF-8.
    """

    def __init__(self, name: str, send: Send, body_key: str, limit: int) -> None:
        self.name = name
        self._send = send
        self._body_key = body_key
        self._limit = limit

    def deliver(self, messages: Sequence[str]) -> list[Refusal]:
        """Send the messages in as few requests as their sizes allow.

        Returns:
            Those that were not taken; empty if all were.
        """
        refusals: list[Refusal] = []
        request: list[dict[str, Any]] = []
        size = 0
        for index, message in enumerate(messages):
            bytes_ = _size(message)
            if bytes_ is None or not 0 < bytes_ <= self._limit:
                refusals.append(
                    Refusal(index, Kind.ENTRY, f"it is not text of 1 to {self._limit} bytes (size: {bytes_})")
                )
                continue
            if len(request) == REQUEST_ENTRIES or size + bytes_ > self._limit:
                refusals += self._request(request)
                request, size = [], 0
            request.append({"Id": str(index), self._body_key: message})
            size += bytes_
        if request:
            refusals += self._request(request)
        return refusals

    def _request(self, entries: list[dict[str, Any]]) -> list[Refusal]:
        try:
            answer = self._send(entries)
        except ClientError as error:
            busy = is_throttling(error) or status_of(error) == http.client.SERVICE_UNAVAILABLE
            return self._all(entries, Kind.BUSY if busy else Kind.REQUEST, str(error))
        except UNREACHABLE as error:
            return self._all(entries, Kind.BUSY, str(error))
        return [
            Refusal(
                int(failed["Id"]),
                Kind.BUSY if failed.get("Code") in THROTTLING else Kind.ENTRY,
                f"{failed.get('Code')}: {failed.get('Message', '')}",
            )
            for failed in answer.get("Failed", [])
        ]

    @staticmethod
    def _all(entries: list[dict[str, Any]], kind: Kind, reason: str) -> list[Refusal]:
        return [Refusal(int(entry["Id"]), kind, reason) for entry in entries]


def _size(message: str) -> int | None:
    try:
        return len(message.encode())
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can hold it, UTF-8 cannot
        return None


def topic_target(sns: Any, arn: str) -> Target:
    """Make the target of a standard SNS topic. `sns` is a boto3 client."""

    def send(entries: list[dict[str, Any]]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        return answer

    return Target(f"The topic {arn}", send, "Message", SNS_BYTES)


def queue_target(sqs: Any, arn: str) -> Target:
    """Make the target of a standard SQS queue. `sqs` is a boto3 client."""
    url = queue_url(sqs.meta.endpoint_url, arn)

    def send(entries: list[dict[str, Any]]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return answer

    return Target(f"The queue {arn}", send, "MessageBody", SQS_BYTES)
