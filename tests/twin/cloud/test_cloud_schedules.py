"""Schedules: their specification, what is refused, and with whose rights they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.twin.cloud import ready
from tests.twin.cloud.documents import ACCOUNT, REGION, trust
from twin.cloud import Cloud, CloudError, InputError, UnsupportedTypeError, schedules
from twin.emulator import Emulator
from twin.scheduler.settings import read_settings
from twin.supervisor import Supervisor

SCHEDULE = "aws:scheduler/schedule:Schedule"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a process that only says that it is ready."""
    monkeypatch.setattr(schedules, "MODULE", ready.__name__)


@pytest.fixture
def schedule(cloud: Cloud) -> dict[str, Any]:
    """Right inputs of a schedule."""
    role = cloud.create("aws:iam/role:Role", "scheduler", {"assumeRolePolicy": trust("scheduler.amazonaws.com")})
    return {
        "name": "nightly",
        "scheduleExpression": "cron(0 3 * * ? *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": FUNCTION,
            "roleArn": role.outputs["arn"],
            "input": "{}",
            "retryPolicy": {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 300},
        },
    }


def changed(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The inputs with one value changed, or left out if it is None."""
    copy = json.loads(json.dumps(inputs))
    *folders, name = path.split(".")
    at = copy
    for folder in folders:
        at = at[folder]
    if value is None:
        del at[name]
    else:
        at[name] = value
    return copy  # type: ignore[no-any-return]


def test_a_schedule_runs_as_a_process_with_its_specification(
    cloud: Cloud, supervisor: Supervisor, schedule: dict[str, Any], emulator: Emulator, tmp_path: Path
) -> None:
    made = cloud.create(SCHEDULE, "s", schedule)
    assert made.outputs["arn"] == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/nightly"
    assert (made.outputs["state"], made.outputs["groupName"]) == ("ENABLED", "default")
    folder = tmp_path / "twin" / "schedule" / "default_nightly"
    spec = json.loads((folder / "spec.json").read_text())
    assert (folder / "spec.json").stat().st_mode & 0o077 == 0
    assert (spec["aws"], spec["target"]) == (emulator.aws, schedule["target"])
    assert read_settings(spec).most_retries == 3
    process = supervisor.processes["schedule-nightly"]
    pid = process.pid
    cloud.create(SCHEDULE, "s", schedule)
    assert supervisor.processes["schedule-nightly"].pid == pid
    cloud.create(SCHEDULE, "s", {**schedule, "scheduleExpression": "rate(1 hour)"})
    assert supervisor.processes["schedule-nightly"].pid != pid
    for _ in range(2):
        cloud.delete(SCHEDULE, made.id, made.outputs)
    assert supervisor.processes == {}
    assert not folder.exists()


def test_a_schedule_whose_process_is_gone_is_revived(
    cloud: Cloud, supervisor: Supervisor, schedule: dict[str, Any], tmp_path: Path
) -> None:
    cloud.create(SCHEDULE, "s", schedule)
    memory = tmp_path / "twin" / "schedule" / "default_nightly" / "memory.json"
    memory.write_text("{}")
    supervisor.remove("schedule-nightly")
    cloud.create(SCHEDULE, "s", schedule)
    assert "schedule-nightly" in supervisor.processes
    assert memory.exists()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("scheduleExpression", "every night", "every night"),
        ("scheduleExpression", None, "scheduleExpression is required"),
        ("scheduleExpressionTimezone", "Europe/Atlantis", "Europe/Atlantis"),
        ("flexibleTimeWindow", None, "flexibleTimeWindow is required"),
        ("flexibleTimeWindow.mode", "SOMETIMES", "mode"),
        ("state", "SLEEPING", "state"),
        ("name", "night ly", "name"),
        ("target.roleArn", None, "roleArn is required"),
        ("target.roleArn", f"arn:aws:iam::{ACCOUNT}:role/nobody", "not a role of this stack"),
        ("target.input", "three", "JSON"),
        ("target.retryPolicy.maximumRetryAttempts", 186, "maximumRetryAttempts"),
        ("target.retryPolicy.maximumEventAgeInSeconds", 30, "maximumEventAgeInSeconds"),
    ],
)
def test_what_aws_would_refuse_is_refused(
    cloud: Cloud, schedule: dict[str, Any], path: str, value: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cloud.create(SCHEDULE, "s", changed(schedule, path, value))


def test_other_targets_are_refused_with_what_to_do(cloud: Cloud, schedule: dict[str, Any]) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    with pytest.raises(UnsupportedTypeError, match="twin/scheduler"):
        cloud.create(SCHEDULE, "s", changed(schedule, "target.arn", queue))


def test_it_works_with_a_session_of_its_role_where_iam_is_enforced(
    cloud: Cloud, schedule: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cloud.context, "enforce_iam", True)
    asked: list[tuple[str | None, str]] = []

    def aws(role_arn: str | None, service: str) -> dict[str, Any]:
        asked.append((role_arn, service))
        return {"session_token": "of the role"}

    monkeypatch.setattr(cloud.context.sessions, "aws", aws)
    cloud.create(SCHEDULE, "s", schedule)
    assert asked == [(schedule["target"]["roleArn"], "scheduler.amazonaws.com")]
    spec = json.loads((tmp_path / "twin" / "schedule" / "default_nightly" / "spec.json").read_text())
    assert spec["aws"] == {"session_token": "of the role"}


def test_a_role_that_the_service_may_not_assume_is_refused(
    cloud: Cloud, schedule: dict[str, Any], role: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud.context, "enforce_iam", True)
    with pytest.raises(CloudError, match="scheduler"):
        cloud.create(SCHEDULE, "s", changed(schedule, "target.roleArn", role["arn"]))
