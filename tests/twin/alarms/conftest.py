"""What the tests of the alarms share: the operator's command line, and queues without letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ops.stack
from ops.cli import app
from tests.twin.conftest import System

Ops = Callable[..., Result]


@pytest.fixture
def run(system: System, monkeypatch: pytest.MonkeyPatch) -> Ops:
    """Runs `ops --twin <words>` against the system's own outputs file."""
    monkeypatch.setattr(ops.stack.of_twin, "__defaults__", (system.twin.folder.outputs_file,))
    monkeypatch.setattr(ops.stack.find, "__defaults__", (system.twin.folder.outputs_file,))
    # Wide, so that no line of the output is broken.
    runner = CliRunner(env={"COLUMNS": "250"})
    return lambda *words: runner.invoke(app, ["--twin", *words], catch_exceptions=False)


@pytest.fixture
def sqs(system: System) -> Iterator[Any]:
    """An SQS client; no dead-letter queue has a letter before and after, and what failed comes back soon."""
    client = system.twin.emulator.client("sqs")
    dead = [url for name, url in system.outputs.items() if name.endswith("_dead_letter_url")]
    dead.append(system.outputs["undelivered_url"])
    live = [url for name, url in system.outputs.items() if name.endswith("_queue_url")]
    usual = {
        url: client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        for url in live
    }
    for url in dead:
        client.purge_queue(QueueUrl=url)
    for url in live:
        # Above the functions' timeout, or a message would be shown again while it is worked on.
        client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "4"})
    yield client
    for url in live:
        client.set_queue_attributes(QueueUrl=url, Attributes=usual[url])
    for url in dead:
        client.purge_queue(QueueUrl=url)
