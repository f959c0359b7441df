"""A stream, a topic with a queue behind it, a dead letter queue, and a pipe between them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from twin.aws_clients import client_maker
from twin.emulator import Emulator
from twin.pipe.pipe import Pipe
from twin.pipe.settings import read_settings
from twin.process import Process
from twin.tracing import Tracer

PROJECT = Path(__file__).resolve().parents[3]
OUTBOX_ONLY = json.dumps({"data": {"metadata": {"record-type": ["data"], "operation": ["load", "insert"]}}})
TEMPLATE = '{"data": <$.data.data>, "metadata": <$.data.metadata>}'


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Wait until the condition holds and give what it gave; fail with `what` after the timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


def change(identifier: str, **metadata: Any) -> bytes:
    """Make a change record as DMS writes it."""
    return json.dumps(
        {
            "data": {"id": identifier, "aggregate_id": "1", "payload": '{"total": "1.50"}'},
            "metadata": {"record-type": "data", "operation": "insert", "table-name": "outbox", **metadata},
        }
    ).encode()


class Scene:
    """Resources of one test, under a name of their own."""

    def __init__(self, emulator: Emulator, folder: Path, shards: int = 1) -> None:
        self.emulator = emulator
        self.folder = folder
        self.name = f"t-{uuid4().hex[:8]}"
        self.kinesis = emulator.client("kinesis")
        self.sns = emulator.client("sns")
        self.sqs = emulator.client("sqs")
        self.process: Process | None = None
        self.lines: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._pipe: Pipe | None = None
        self.make_stream(shards)
        self.topic_arn = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.queue_url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.dead_letter_url = self.sqs.create_queue(QueueName=f"{self.name}-dlq")["QueueUrl"]
        policy = {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn("sqs", self.name),
                }
            ]
        }
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"Policy": json.dumps(policy)})
        self.sns.subscribe(
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint=self.arn("sqs", self.name),
            Attributes={"RawMessageDelivery": "true"},
        )

    def make_stream(self, shards: int = 1) -> None:
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.emulator.region}:{self.emulator.account}:{resource}"

    def document(self, **kinesis: Any) -> dict[str, Any]:
        return {
            "name": self.name,
            "source_arn": self.arn("kinesis", f"stream/{self.name}"),
            "target_arn": self.topic_arn,
            "source_parameters": {
                "kinesisStreamParameters": {
                    "startingPosition": "TRIM_HORIZON",
                    "batchSize": 10,
                    "maximumRetryAttempts": 1,
                    "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
                    "deadLetterConfig": {"arn": self.arn("sqs", f"{self.name}-dlq")},
                    **kinesis,
                },
                "filterCriteria": {"filters": [{"pattern": OUTBOX_ONLY}]},
            },
            "target_parameters": {"inputTemplate": TEMPLATE},
            "desired_state": "RUNNING",
            "aws": self.emulator.aws,
            "folder": str(self.folder / "pipe"),
        }

    def put(self, identifiers: Iterable[str], key: str = "1") -> None:
        self.put_raw((change(identifier) for identifier in identifiers), key)

    def put_raw(self, contents: Iterable[bytes], key: str = "1") -> None:
        records = [{"Data": content, "PartitionKey": key} for content in contents]
        for start in range(0, len(records), 500):
            self.kinesis.put_records(StreamName=self.name, Records=records[start : start + 500])

    def start_process(self, document: dict[str, Any] | None = None) -> Process:
        """Run the pipe as a process of its own, as the twin does; its trace is in `lines`."""
        specification = self.folder / "pipe.json"
        specification.write_text(json.dumps(document or self.document()))
        before = len(self.lines)
        self.process = Process(
            "pipe",
            [sys.executable, "-m", "twin.pipe", str(specification)],
            env={**os.environ, "TWIN_TRACE": "1"},
            cwd=PROJECT,
            log=self.folder / "pipe.log",
            ready=lambda: {"hop": "ready"} in self.lines[before:],
            on_line=lambda line: self.lines.append(json.loads(line)),
        )
        self.process.start()
        return self.process

    def start_here(
        self, document: dict[str, Any] | None = None, wrap: Callable[[str, Any], Any] = lambda service, client: client
    ) -> None:
        """Run the pipe in this process, with its clients wrapped."""
        document = document or self.document()
        make = client_maker(document["aws"])
        ready = threading.Event()
        tracer = Tracer(enabled=False)
        tracer.ready = ready.set  # type: ignore[method-assign]
        self._pipe = Pipe(read_settings(document), lambda service: wrap(service, make(service)), tracer)
        self._thread = threading.Thread(target=self._pipe.run, name="pipe")
        self._thread.start()
        assert ready.wait(20)

    def stop(self) -> None:
        if self._pipe is not None and self._thread is not None:
            self._pipe.stop()
            self._thread.join(20)
            assert not self._thread.is_alive()
            self._pipe = self._thread = None
        if self.process is not None:
            self.process.stop()
            self.process = None

    def delivered(self) -> list[dict[str, Any]]:
        """Take all messages that are in the queue behind the topic now."""
        return [json.loads(body) for body in self._take(self.queue_url)]

    def dead_letters(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self._take(self.dead_letter_url)]

    def _take(self, url: str) -> list[str]:
        bodies: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
            self.sqs.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
        return bodies

    def take_until(self, identifiers: Iterable[str], timeout_s: float = 30.0) -> list[str]:
        """Take messages until all the identifiers have arrived; gives all that arrived, in order."""
        wanted = set(identifiers)
        arrived: list[str] = []

        def all_there() -> bool:
            arrived.extend(message["data"]["id"] for message in self.delivered())
            return wanted <= set(arrived)

        wait_until(all_there, f"all of {len(wanted)} delivered", timeout_s)
        return arrived
