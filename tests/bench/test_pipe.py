"""Both ways from the stream to the topic deliver the same messages, each record once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.events import body
from bench.frame.benchmark import Place
from bench.pipe import BARE, MEASURES, OURS, TOPIC, cases
from twin.emulator.emulator import Emulator

RECORDS = 25


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The one that the benchmark will take for its own."""
    found = Emulator(tmp_path / "found")
    found.start()
    monkeypatch.setattr("bench.pipe.Emulator", lambda folder: found)
    monkeypatch.setattr(found, "start", lambda: None)
    yield found
    found.stop()


def received(sqs: Any, queue: str) -> list[Any]:
    found: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found, key=lambda one: int(one["data"]["version"]))


def test_the_ways_deliver_the_same(emulator: Emulator, tmp_path: Path) -> None:
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    queue = sqs.create_queue(QueueName="bench")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    with ExitStack() as stack:
        [case] = cases(Place(tmp_path, {"records": RECORDS}, stack))
        topic = sns.create_topic(Name=TOPIC)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        expected = [json.loads(body(1, number, number)) for number in range(1, RECORDS + 1)]
        # The pipe twice: each run begins at the beginning.
        for name in (BARE, OURS, OURS):
            values = case.contenders[name]()
            assert set(values) == {measure.name for measure in MEASURES}
            assert received(sqs, queue) == expected
