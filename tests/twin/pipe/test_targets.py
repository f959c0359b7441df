"""Requests to a target stay within its limits, and its answers are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from twin.pipe.targets import Kind, Target


class Sender:
    def __init__(self, *outcomes: Mapping[str, Any] | Exception) -> None:
        self.requests: list[list[str]] = []
        self._outcomes = list(outcomes)

    def __call__(self, entries: list[dict[str, Any]]) -> Mapping[str, Any]:
        self.requests.append([entry["Message"] for entry in entries])
        outcome = self._outcomes.pop(0) if self._outcomes else {}
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def error(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PublishBatch",
    )


def target(sender: Sender, limit: int = 100) -> Target:
    return Target("t", sender, "Message", limit)


def test_ten_messages_a_request() -> None:
    sender = Sender()
    assert target(sender).deliver(["x"] * 23) == []
    assert [len(request) for request in sender.requests] == [10, 10, 3]


def test_the_messages_of_a_request_fit_into_the_limit_together() -> None:
    sender = Sender()
    target(sender).deliver(["a" * 60, "b" * 40, "c" * 1])
    assert sender.requests == [["a" * 60, "b" * 40], ["c"]]


@pytest.mark.parametrize("message", ["é" * 51, "", "\ud800"])
def test_a_message_that_can_never_be_taken_fails_alone(message: str) -> None:
    sender = Sender()
    refusals = target(sender).deliver(["good", message, "good"])
    assert [(refusal.index, refusal.kind) for refusal in refusals] == [(1, Kind.ENTRY)]
    assert sender.requests == [["good", "good"]]


def test_failed_entries_are_told_by_their_index() -> None:
    sender = Sender({"Failed": [{"Id": "1", "Code": "InternalError"}, {"Id": "2", "Code": "Throttled"}]})
    refusals = target(sender).deliver(["a", "b", "c"])
    assert [(refusal.index, refusal.kind) for refusal in refusals] == [(1, Kind.ENTRY), (2, Kind.BUSY)]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (error("Throttling", 400), Kind.BUSY),
        (error("TooManyRequestsException", 429), Kind.BUSY),
        (error("ServiceUnavailable", 503), Kind.BUSY),
        (EndpointConnectionError(endpoint_url="http://x"), Kind.BUSY),
        (error("InvalidParameter", 400), Kind.REQUEST),
        (error("InternalError", 500), Kind.REQUEST),
    ],
)
def test_failed_requests_are_told_apart(outcome: Exception, kind: Kind) -> None:
    # The first request was accepted: only the second one's messages are to be sent again.
    sender = Sender({}, outcome)
    refusals = target(sender).deliver([str(number) for number in range(12)])
    assert [(refusal.index, refusal.kind) for refusal in refusals] == [(10, kind), (11, kind)]
