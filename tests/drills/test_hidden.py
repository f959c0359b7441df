"""What a drill changes of a queue is put back so that it outlives a kill of the emulator."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from drills.scene import Scene


def _fail() -> None:
    raise RuntimeError("broken")


def test_a_queue_is_as_before_and_saved_also_after_a_drill_that_failed() -> None:
    done: list[str] = []

    def change(QueueUrl: str, Attributes: dict[str, str]) -> None:  # noqa: N803 - as boto3 has them
        assert QueueUrl == "the queue"
        done.append(Attributes["VisibilityTimeout"])

    sqs = SimpleNamespace(
        get_queue_attributes=lambda **_: {"Attributes": {"VisibilityTimeout": "12"}}, set_queue_attributes=change
    )
    emulator = SimpleNamespace(client=lambda _: sqs, save=lambda: done.append("saved"))
    scene: Any = SimpleNamespace(twin=SimpleNamespace(emulator=emulator), outputs={"mailer_queue_url": "the queue"})
    stack = ExitStack()
    stack.enter_context(Scene.hidden(scene, "mailer", 1))
    done.append("drill")
    stack.callback(_fail)
    with pytest.raises(RuntimeError, match="broken"):
        stack.close()
    assert done == ["1", "drill", "12", "saved"]
