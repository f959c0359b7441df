"""Schedules of EventBridge Scheduler: each is a process of the twin (`twin.scheduler`)."""

from __future__ import annotations

import shutil
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.errors import InputError, UnsupportedTypeError
from twin.cloud.kind import Kind, Made, Request, Resource, outputs
from twin.errors import TwinError
from twin.scheduler.settings import read_settings

MODULE = "twin.scheduler"
SCHEDULE = "aws:scheduler/schedule:Schedule"
DEFAULT_GROUP = "default"


def _check(at: Context, request: Request, spec: dict[str, Any]) -> None:
    owner = f"{request.typ} {request.name!r}"
    target = request.inputs["target"]
    if ":lambda:" not in text(target, "arn"):
        raise UnsupportedTypeError(
            f"{owner}: the twin's schedules invoke Lambda functions, not {target['arn']}. "
            "Add the target to twin/scheduler and to twin/cloud/schedules.py."
        )
    try:
        read_settings({**spec, "aws": {}})
    except TwinError as error:
        raise InputError(f"{owner}: {error}") from error
    at.require_role(text(target, "roleArn"), "target.roleArn", owner)


def _run(at: Context, request: Request) -> Made:
    inputs, name = request.inputs, text(request.inputs, "name")
    group = str(inputs.get("groupName") or DEFAULT_GROUP)
    id_ = f"{group}/{name}"
    arn = at.arn("scheduler", f"schedule/{id_}")
    spec = _spec(at, request, id_, arn)
    _check(at, request, spec)
    # A disabled one too: it only waits, and keeps its memory.
    at.run(_process(id_), MODULE, spec, role_arn=text(inputs["target"], "roleArn"), service="scheduler.amazonaws.com")
    defaults = {
        "actionAfterCompletion": "NONE",
        "groupName": group,
        "scheduleExpressionTimezone": "UTC",
        "state": "ENABLED",
    }
    return Made(id_, outputs(at, {**defaults, **inputs}, arn=arn))


def _spec(at: Context, request: Request, id_: str, arn: str) -> dict[str, Any]:
    inputs = request.inputs
    return {
        "name": text(inputs, "name"),
        "arn": arn,
        "schedule_expression": text(inputs, "scheduleExpression"),
        "schedule_expression_timezone": inputs.get("scheduleExpressionTimezone"),
        "start_date": inputs.get("startDate"),
        "end_date": inputs.get("endDate"),
        "state": inputs.get("state"),
        "target": inputs["target"],
        "folder": str(at.folder_of("schedule", id_)),
    }


def _delete(at: Context, resource: Resource) -> None:
    at.stop(_process(resource.id))
    shutil.rmtree(at.folder_of("schedule", resource.id), ignore_errors=True)


def _exists(at: Context, resource: Resource) -> bool:
    return _process(resource.id) in at.supervisor.processes


def _process(id_: str) -> str:
    return f"schedule-{id_.rpartition('/')[2]}" if id_.startswith(f"{DEFAULT_GROUP}/") else f"schedule-{id_}"


KINDS = (
    Kind(
        typ=SCHEDULE,
        create=_run, update=lambda at, _, request: _run(at, request), delete=_delete, exists=_exists, revives=True,
        named_by="name", name_limit=64,
    ),
)  # fmt: skip
