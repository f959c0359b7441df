"""A part of a batch is refused: the service gets the rest, and the caller is told of each entry as each API does it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

import pytest

from drills.partial import REFUSALS, Refusals
from drills.toll import Toll, Verdict
from tests.drills.fake_api import listening
from twin.aws_clients import client_maker

NAMES = [str(number) for number in range(10)]
AWS = {"region": "us-east-1", "access_key_id": "a", "secret_access_key": "b", "session_token": None}
XML = b"<PublishBatchResponse><PublishBatchResult><Failed></Failed></PublishBatchResult></PublishBatchResponse>"
TOPIC, QUEUE = "arn:aws:sns:us-east-1:000000000000:t", "/000000000000/q"


def put_records(client: Any, url: str) -> set[str]:
    records = [{"Data": name.encode(), "PartitionKey": name} for name in NAMES]
    answer = client("kinesis").put_records(StreamName="s", Records=records)
    refused = {name for name, result in zip(NAMES, answer["Records"], strict=True) if "ErrorCode" in result}
    assert answer["FailedRecordCount"] == len(refused)
    return refused


def publish_batch(client: Any, url: str) -> set[str]:
    entries = [{"Id": name, "Message": f"m & {name}"} for name in NAMES]
    return failed(client("sns").publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries))


def delete_message_batch(client: Any, url: str) -> set[str]:
    entries = [{"Id": name, "ReceiptHandle": f"r-{name}"} for name in NAMES]
    return failed(client("sqs").delete_message_batch(QueueUrl=url + QUEUE, Entries=entries))


def send_message_batch(client: Any, url: str) -> set[str]:
    entries = [{"Id": name, "MessageBody": f"b-{name}"} for name in NAMES]
    return failed(client("sqs").send_message_batch(QueueUrl=url + QUEUE, Entries=entries))


def failed(answer: dict[str, Any]) -> set[str]:
    return {entry["Id"] for entry in answer.get("Failed", [])}


CALLS: dict[str, Callable[[Any, str], set[str]]] = {
    "PutRecords": put_records,
    "PublishBatch": publish_batch,
    "DeleteMessageBatch": delete_message_batch,
    "SendMessageBatch": send_message_batch,
}


@contextmanager
def service(taken: list[str]) -> Iterator[int]:
    """Takes every entry that it is asked to, and notes its name."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert "Signature" in self.headers["Authorization"]
            self.send_response(200)
            answer = self._answer(body)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _answer(self, body: bytes) -> bytes:
            if "X-Amz-Target" not in self.headers:
                fields = dict(parse_qsl(body.decode()))
                taken.extend(value for name, value in fields.items() if name.endswith(".Id"))
                assert len([name for name in fields if name.endswith(".Message")]) == len(taken)
                return XML
            document = json.loads(body)
            taken.extend(base64.b64decode(one["Data"]).decode() for one in document.get("Records", []))
            taken.extend(one["Id"] for one in document.get("Entries", []))
            results = [{"SequenceNumber": "1", "ShardId": "s"}] * len(taken)
            return json.dumps({"Records": results, "FailedRecordCount": 0}).encode()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with listening(Handler) as port:
        yield port


def asked(operation: str, refusals: Refusals) -> tuple[list[str], set[str]]:
    """What the service took, and what the caller was told that it did not."""
    taken: list[str] = []
    with service(taken) as port, Toll(port, lambda _: Verdict.PART, refusals) as toll:
        url = f"http://127.0.0.1:{toll.port}"
        refused = CALLS[operation](client_maker({**AWS, "endpoint_url": url}), url)
    return taken, refused


@pytest.mark.parametrize("operation", CALLS)
def test_every_entry_is_either_taken_or_told_to_be_refused(operation: str) -> None:
    refusals = Refusals(operation, 3, AWS)
    taken, refused = asked(operation, refusals)
    assert refused
    assert sorted([*taken, *refused]) == NAMES
    assert (refusals.refused, refusals.owed, refusals.mixed) == (len(refused), len(refused), 1)


@pytest.mark.parametrize("operation", CALLS)
def test_all_may_be_refused_and_then_all_is_taken(operation: str) -> None:
    refusals = Refusals(operation, 3, AWS)
    refusals.share = 1.0
    for _ in range(REFUSALS):
        assert asked(operation, refusals) == ([], set(NAMES))
    assert asked(operation, refusals) == (NAMES, set())
    assert (refusals.owed, refusals.mixed) == (0, 0)
