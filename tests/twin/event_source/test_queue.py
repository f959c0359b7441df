"""Messages that the queue did not delete are asked to be deleted again, and no others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from botocore.exceptions import EndpointConnectionError

from twin.event_source.queue import DELETE_ATTEMPTS, Queue

ARN = "arn:aws:sqs:us-east-1:000000000000:q"


class Sqs:
    """Answers one call after the other: ids that it does not delete, or an error."""

    meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.asked: list[list[str]] = []
        self._answers = list(answers)

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.asked.append([entry["ReceiptHandle"] for entry in Entries])
        answer = self._answers.pop(0) if self._answers else []
        if isinstance(answer, Exception):
            raise answer
        return {"Failed": [{"Id": id_, "Code": "InternalError", "SenderFault": False} for id_ in answer]}


def deleted(sqs: Sqs, count: int) -> list[list[str]]:
    messages = [{"ReceiptHandle": f"r{number}"} for number in range(count)]
    Queue(sqs, ARN, lambda _: None).delete(messages)
    return sqs.asked


def test_what_was_not_deleted_is_asked_again_alone() -> None:
    down = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    assert deleted(Sqs(["1", "3"], down, ["3"]), 4) == [["r0", "r1", "r2", "r3"], ["r1", "r3"], ["r1", "r3"], ["r3"]]


def test_what_is_never_deleted_is_given_up_and_comes_again() -> None:
    assert len(deleted(Sqs(*[["0"]] * 100), 1)) == DELETE_ATTEMPTS
