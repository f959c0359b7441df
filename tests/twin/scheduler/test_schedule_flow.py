"""A schedule as a process: invokes on the real emulator, outlives being killed, needs the rights that AWS names."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.twin.emulator.functions import make_role, wait_until
from tests.twin.scheduler.scene import Scene
from twin.emulator import Emulator
from twin.errors import ProcessError


def test_a_rate_invokes_at_once_with_the_input(scene: Scene) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    scene.start()
    (event,) = wait_until(scene.events, "the event")
    assert before <= datetime.fromisoformat(event["due"]) <= datetime.now(UTC)


def test_a_moment_is_waited_for(scene: Scene) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    scene.start(schedule_expression=f"at({due:%Y-%m-%dT%H:%M:%S})")
    (event,) = wait_until(scene.events, "the event")
    assert datetime.fromisoformat(event["due"]) == due
    assert datetime.now(UTC) >= due


def test_what_was_done_is_not_done_again_after_a_kill(scene: Scene) -> None:
    process = scene.start()
    wait_until(scene.events, "the first event")
    wait_until(lambda: json.loads((scene.folder / "schedule" / "memory.json").read_text())["done"], "the memory")
    process.kill()
    process.stop()
    scene.start().stop()
    # Another schedule begins anew, so that the next event shows what the one before did.
    scene.start(schedule_expression="rate(2 days)", target={"input": '"second"'})
    events = wait_until(lambda: scene.events()[1:], "the second event")
    assert events == ["second"]


def test_what_cannot_be_invoked_is_a_dead_letter(scene: Scene) -> None:
    missing = scene.arn("lambda", "function:not-there")
    scene.start(target={"arn": missing})
    (letter,) = wait_until(scene.dead_letters, "a dead letter")
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "ResourceNotFoundException"
    assert (attributes["TARGET_ARN"], attributes["RETRY_ATTEMPTS"]) == (missing, "0")
    assert attributes["SCHEDULE_ARN"] == scene.arn("scheduler", f"schedule/default/{scene.name}")
    assert json.loads(letter["Body"])["FunctionName"] == missing


def test_a_disabled_schedule_only_waits(scene: Scene) -> None:
    scene.start(state="DISABLED").stop()
    scene.start(schedule_expression="rate(2 days)", target={"input": '"enabled"'})
    assert wait_until(scene.events, "the event") == ["enabled"]


def test_a_wrong_specification_ends_with_a_sentence(scene: Scene) -> None:
    with pytest.raises(ProcessError, match="rate\\(5 lightyears\\)"):
        scene.start(schedule_expression="rate(5 lightyears)")


def test_the_permissions_that_aws_names_are_enough(
    make_scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), enforce_iam=True)
    emulator.start()
    try:
        scene = make_scene(on=emulator)

        def may(action: str, resource: str) -> dict[str, str]:
            return {"Effect": "Allow", "Action": action, "Resource": resource}

        send = may("sqs:SendMessage", scene.dead_arn)
        role = make_role(emulator, "scheduler.amazonaws.com", may("lambda:InvokeFunction", scene.function_arn), send)
        scene.start(aws=emulator.role_aws(role, "scheduler.amazonaws.com"))
        wait_until(scene.events, "the event")
        scene.stop()
        powerless = make_role(emulator, "scheduler.amazonaws.com", send)
        scene.start(schedule_expression="rate(2 days)", aws=emulator.role_aws(powerless, "scheduler.amazonaws.com"))
        (letter,) = wait_until(scene.dead_letters, "a dead letter")
        assert "AccessDenied" in letter["MessageAttributes"]["ERROR_CODE"]["StringValue"]
        assert len(scene.events()) == 1
        scene.stop()
    finally:
        emulator.stop()
