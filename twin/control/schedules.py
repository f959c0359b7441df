"""The API of EventBridge Scheduler for schedules: get one.

Source: "GetSchedule" (Amazon EventBridge Scheduler API reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.cloud.context import Context
from twin.cloud.schedules import DEFAULT_GROUP, SCHEDULE
from twin.control.errors import ControlError

PREFIX = "/schedules/"

Json = dict[str, Any]


def answer(at: Context, method: str, path: str, query: Mapping[str, str]) -> Json:
    """Carry out one call.

    Raises:
        ControlError: it is unknown, or there is no such schedule.
    """
    if method != "GET":
        raise ControlError("ValidationException", f"The twin does not answer {method} {path}.")
    id_ = f"{query.get('groupName', DEFAULT_GROUP)}/{path.removeprefix(PREFIX)}"
    found = at.state.find(SCHEDULE, lambda one: one.id == id_)
    if not found:
        raise ControlError("ResourceNotFoundException", f"Schedule {id_} does not exist.", 404)
    outputs = found[-1].outputs
    target = outputs["target"]
    return {
        "Arn": outputs["arn"],
        "Name": outputs["name"],
        "GroupName": outputs["groupName"],
        "ScheduleExpression": outputs["scheduleExpression"],
        "ScheduleExpressionTimezone": outputs["scheduleExpressionTimezone"],
        "State": outputs["state"],
        "Target": {"Arn": target["arn"], "RoleArn": target["roleArn"]},
    }
