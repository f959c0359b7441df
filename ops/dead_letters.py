"""Dead-letter queues of a stack, and the letters in them.

SQS has no way to look without taking: letters are received with a short visibility timeout and given back at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ops.aws import Aws, answering
from ops.errors import OpsError

Kind = Literal["consumer", "pipe", "schedule"]

PIPE = "pipe"
# Long enough to send ten letters on; a command that dies gives them back after it.
HOLD_S = 120
BATCH = 10
# Receives in a row that find nothing before a queue counts as seen: SQS asks some of its servers only.
EMPTY_RECEIVES = 3


class QueueUnknown(OpsError):  # noqa: N818 - named by what is wrong
    """The stack has no dead-letter queue of that name."""

    exit_code = 2


@dataclass(frozen=True)
class DeadLetterQueue:
    """One dead-letter queue: of a consumer or a schedule (by the name of its function's folder), or of the pipe."""

    name: str
    kind: Kind
    url: str


@dataclass(frozen=True, repr=False)
class Letter:
    """One message in a dead-letter queue; `receipt` is good while it is held."""

    id: str
    body: str
    sent: datetime
    receives: int
    attributes: dict[str, Any]
    receipt: str

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The event's id, if the body is an event."""
        try:
            return (str(json.loads(self.body)["data"]["id"]),)
        except (ValueError, KeyError, TypeError):
            return ()

    @property
    def summary(self) -> str:
        """What it is about, without anything personal: the event's type, aggregate, version and id."""
        try:
            document = json.loads(self.body)
            row = document["data"]
            return f"{row['event_type']} {row['aggregate_type']} {row['aggregate_id']} v{row['version']} {row['id']}"
        except (ValueError, KeyError, TypeError):
            return f"{len(self.body)} characters that are no event"


def queues(aws: Aws) -> list[DeadLetterQueue]:
    """All dead-letter queues of the stack, from its outputs, in the order of the flow. Raises OutputMissing."""
    consumers, dead = aws.stack.ending("_queue_url"), aws.stack.ending("_dead_letter_url")
    return [
        DeadLetterQueue(PIPE, "pipe", aws.stack.output("undelivered_url")),
        *(DeadLetterQueue(name, "consumer", url) for name, url in dead.items() if name in consumers),
        *(DeadLetterQueue(name, "schedule", url) for name, url in dead.items() if name not in consumers),
    ]


def queue(aws: Aws, name: str) -> DeadLetterQueue:
    """The queue of that name; raises QueueUnknown."""
    found = queues(aws)
    for each in found:
        if each.name == name:
            return each
    raise QueueUnknown(f"There is no dead-letter queue {name!r}: choose one of {', '.join(q.name for q in found)}.")


def count(aws: Aws, of: DeadLetterQueue) -> int:
    """Letters in a queue, those held by somebody included; SQS says approximately."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with answering(aws.stack):
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=of.url, AttributeNames=names)
    return sum(int(value) for value in answer["Attributes"].values())


def held(aws: Aws, of: DeadLetterQueue, limit: int, hold_s: int = HOLD_S) -> Iterator[list[Letter]]:
    """Take up to `limit` letters, in batches of ten at most, each letter once.

    Every letter comes back into the queue unless it is deleted meanwhile: at once when the caller is done with all,
    after `hold_s` seconds if it dies.
    """
    sqs, seen, empty = aws.client("sqs"), set[str](), 0
    while len(seen) < limit and empty < EMPTY_RECEIVES:
        answer = sqs.receive_message(
            QueueUrl=of.url,
            MaxNumberOfMessages=min(BATCH, limit - len(seen)),
            VisibilityTimeout=hold_s,
            WaitTimeSeconds=1,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        batch = [letter for letter in map(_letter, answer.get("Messages", [])) if letter.id not in seen]
        empty = 0 if batch else empty + 1
        if batch:
            seen |= {letter.id for letter in batch}
            yield batch


def give_back(aws: Aws, of: DeadLetterQueue, letters: list[Letter]) -> None:
    """Make letters visible again at once, instead of when their time is up."""
    for start in range(0, len(letters), BATCH):
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(letters[start : start + BATCH])
        ]
        # What fails here (its time was up already) is visible anyway.
        aws.client("sqs").change_message_visibility_batch(QueueUrl=of.url, Entries=entries)


def delete(aws: Aws, of: DeadLetterQueue, letter: Letter) -> None:
    """Remove a letter that was dealt with."""
    aws.client("sqs").delete_message(QueueUrl=of.url, ReceiptHandle=letter.receipt)


def _letter(message: dict[str, Any]) -> Letter:
    attributes = message.get("Attributes", {})
    sent = datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC)
    return Letter(
        message["MessageId"],
        message["Body"],
        sent,
        int(attributes.get("ApproximateReceiveCount", 1)),
        message.get("MessageAttributes", {}),
        message["ReceiptHandle"],
    )
