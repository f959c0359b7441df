"""A function that notes its events in a file, a queue for dead letters, and a schedule for the function."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.twin.emulator.functions import make_function
from twin.emulator import Emulator
from twin.process import Process

PROJECT = Path(__file__).resolve().parents[3]

NOTING = """
import json

def handle(event, context):
    with open({file!r}, "a") as file:
        file.write(json.dumps(event) + "\\n")
"""


class Scene:
    """Resources of one test, under a name of their own."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        self.events_file = folder / "events"
        self.function = make_function(emulator, NOTING.format(file=str(self.events_file)))
        self.function_arn = self.arn("lambda", f"function:{self.function}")
        self.sqs = emulator.client("sqs")
        self.name = f"s-{uuid4().hex[:8]}"
        self.dead_url = self.sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        self.dead_arn = self.arn("sqs", f"{self.name}-dead")
        self.process: Process | None = None

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.emulator.region}:{self.emulator.account}:{resource}"

    def document(self, **changes: Any) -> dict[str, Any]:
        """The specification; changes of the target are merged."""
        target = {
            "arn": self.function_arn,
            "roleArn": "arn:aws:iam::000000000000:role/r",
            "input": '{"due": "<aws.scheduler.scheduled-time>"}',
            "deadLetterConfig": {"arn": self.dead_arn},
            **changes.pop("target", {}),
        }
        return {
            "name": self.name,
            "arn": self.arn("scheduler", f"schedule/default/{self.name}"),
            "schedule_expression": "rate(1 days)",
            "schedule_expression_timezone": "UTC",
            "start_date": None,
            "end_date": None,
            "state": "ENABLED",
            "target": target,
            "aws": self.emulator.aws,
            "folder": str(self.folder / "schedule"),
            **changes,
        }

    def start(self, **changes: Any) -> Process:
        """Run the schedule as a process of its own, as the twin does."""
        specification = self.folder / "schedule.json"
        specification.write_text(json.dumps(self.document(**changes)))
        lines: list[str] = []
        self.process = Process(
            "scheduler",
            [sys.executable, "-m", "twin.scheduler", str(specification)],
            env={**os.environ},
            cwd=PROJECT,
            log=self.folder / "schedule.log",
            ready=lambda: '{"hop":"ready"}' in lines,
            on_line=lines.append,
        )
        self.process.start()
        return self.process

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def events(self) -> list[dict[str, Any]]:
        """Give the events that the function has got so far."""
        if not self.events_file.exists():
            return []
        return [json.loads(line) for line in self.events_file.read_text().splitlines()]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take what is in the queue of dead letters."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        return list(answer.get("Messages", []))
