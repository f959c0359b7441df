"""A queue, a function that notes its events in a file, and a mapping between them."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.twin.emulator.functions import make_function
from twin.aws_clients import client_maker
from twin.emulator import Emulator
from twin.event_source.mapping import EventSourceMapping
from twin.event_source.settings import read_settings
from twin.process import Process
from twin.tracing import Tracer

PROJECT = Path(__file__).resolve().parents[3]

# Notes each event; reports messages whose body begins with "bad", raises on "crash".
OBEDIENT = """
import json

FILE = {file!r}

def handle(event, context):
    with open(FILE, "a") as file:
        file.write(json.dumps(event) + "\\n")
    bodies = [record["body"] for record in event["Records"]]
    if any("crash" in body for body in bodies):
        raise ValueError("told to crash")
    return {{
        "batchItemFailures": [
            {{"itemIdentifier": record["messageId"]}} for record in event["Records"] if record["body"].startswith("bad")
        ]
    }}
"""


class Scene:
    """Resources of one test, under a name of their own."""

    def __init__(self, emulator: Emulator, folder: Path, source: str | None, visibility_timeout_s: int) -> None:
        self.emulator = emulator
        self.folder = folder
        self.name = f"q-{uuid4().hex[:8]}"
        self.sqs = emulator.client("sqs")
        self.events_file = folder / "events"
        self.function = make_function(emulator, source or OBEDIENT.format(file=str(self.events_file)), timeout_s=1)
        self.queue_url = self.sqs.create_queue(
            QueueName=self.name, Attributes={"VisibilityTimeout": str(visibility_timeout_s)}
        )["QueueUrl"]
        self.queue_arn = f"arn:aws:sqs:{emulator.region}:{emulator.account}:{self.name}"
        self.lines: list[dict[str, Any]] = []
        self.process: Process | None = None
        self._mapping: EventSourceMapping | None = None
        self._thread: threading.Thread | None = None

    def document(self, **changes: Any) -> dict[str, Any]:
        return {
            "uuid": "mapping-1",
            "event_source_arn": self.queue_arn,
            "function_name": self.function,
            "batch_size": 10,
            "maximum_batching_window_in_seconds": 0,
            "function_response_types": ["ReportBatchItemFailures"],
            "scaling_config": None,
            "filter_criteria": None,
            "aws": self.emulator.aws,
            "folder": str(self.folder / "mapping"),
            **changes,
        }

    def start_process(self, **changes: Any) -> Process:
        """Run the mapping as a process of its own, as the twin does; its trace is in `lines`."""
        specification = self.folder / "mapping.json"
        specification.write_text(json.dumps(self.document(**changes)))
        before = len(self.lines)
        self.process = Process(
            "event_source",
            [sys.executable, "-m", "twin.event_source", str(specification)],
            env={**os.environ, "TWIN_TRACE": "1"},
            cwd=PROJECT,
            log=self.folder / "mapping.log",
            ready=lambda: {"hop": "ready"} in self.lines[before:],
            on_line=lambda line: self.lines.append(json.loads(line)),
        )
        self.process.start()
        return self.process

    def start_here(
        self, wrap: Callable[[str, Any], Any] = lambda service, client: client, **changes: Any
    ) -> EventSourceMapping:
        """Run the mapping in this process, with its clients wrapped."""
        document = self.document(**changes)
        make = client_maker(document["aws"])
        ready = threading.Event()
        tracer = Tracer(enabled=False)
        tracer.ready = ready.set  # type: ignore[method-assign]
        self._mapping = EventSourceMapping(
            read_settings(document), wrap("lambda", make("lambda")), wrap("sqs", make("sqs")), tracer
        )
        self._thread = threading.Thread(target=self._mapping.run, name="mapping")
        self._thread.start()
        assert ready.wait(20)
        return self._mapping

    def stop(self) -> None:
        if self._mapping is not None and self._thread is not None:
            self._mapping.stop()
            self._thread.join(20)
            assert not self._thread.is_alive()
            self._mapping = self._thread = None
        if self.process is not None:
            self.process.stop()
            self.process = None

    def send(self, *bodies: str, **attributes: Any) -> None:
        for start in range(0, len(bodies), 10):
            self.sqs.send_message_batch(
                QueueUrl=self.queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": body, **attributes}
                    for number, body in enumerate(bodies[start : start + 10])
                ],
            )

    def events(self) -> list[dict[str, Any]]:
        """Give the events that the function has got so far."""
        if not self.events_file.exists():
            return []
        return [json.loads(line) for line in self.events_file.read_text().splitlines()]

    def bodies(self) -> list[str]:
        """Give the bodies that the function has got so far, in order."""
        return [record["body"] for event in self.events() for record in event["Records"]]

    def left(self) -> tuple[int, int]:
        """Give the number of messages in the queue: visible, invisible."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])
