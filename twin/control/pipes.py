"""The API of EventBridge Pipes for one pipe: describe, start, stop.

Source: "DescribePipe", "StartPipe", "StopPipe" (Amazon EventBridge Pipes API reference).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twin.cloud.context import Context
from twin.cloud.kind import Resource
from twin.cloud.pipes import PIPE, start_pipe, state_of, stop_pipe
from twin.control.errors import ControlError

Json = dict[str, Any]


def answer(at: Context, method: str, path: str) -> Json:
    """Carry out one call by its method and path (`/v1/pipes/<name>[/start|/stop]`).

    Raises:
        ControlError: it is unknown, or there is no such pipe.
    """
    parts = path.strip("/").split("/")
    if parts[:2] != ["v1", "pipes"] or len(parts) not in (3, 4):
        raise ControlError("UnknownOperationException", f"The twin does not answer {method} {path}.", 404)
    operations: dict[tuple[str, str], Callable[[Context, Resource], Json]] = {
        ("GET", ""): _describe,
        ("POST", "start"): _start,
        ("POST", "stop"): _stop,
    }
    operation = operations.get((method, parts[3] if len(parts) == 4 else ""))
    if operation is None:
        raise ControlError("UnknownOperationException", f"The twin does not answer {method} {path}.", 404)
    found = at.state.find(PIPE, lambda pipe: pipe.id == parts[2])
    if not found:
        raise ControlError("NotFoundException", f"Pipe {parts[2]} does not exist.", 404)
    return operation(at, found[-1])


def _describe(at: Context, pipe: Resource) -> Json:
    state, reason = state_of(at, pipe)
    inputs = pipe.inputs
    return {
        "Arn": pipe.outputs["arn"],
        "Name": pipe.id,
        "Source": inputs["source"],
        "Target": inputs["target"],
        "RoleArn": inputs["roleArn"],
        "DesiredState": "STOPPED" if state == "STOPPED" else "RUNNING",
        "CurrentState": state,
        **({"StateReason": reason} if reason else {}),
    }


def _start(at: Context, pipe: Resource) -> Json:
    if state_of(at, pipe)[0] == "RUNNING":
        raise ControlError("ConflictException", f"Pipe {pipe.id} is running.", 409)
    start_pipe(at, pipe)
    return {"Arn": pipe.outputs["arn"], "Name": pipe.id, "DesiredState": "RUNNING", "CurrentState": "STARTING"}


def _stop(at: Context, pipe: Resource) -> Json:
    if state_of(at, pipe)[0] == "STOPPED":
        raise ControlError("ConflictException", f"Pipe {pipe.id} is stopped.", 409)
    stop_pipe(at, pipe)
    return {"Arn": pipe.outputs["arn"], "Name": pipe.id, "DesiredState": "STOPPED", "CurrentState": "STOPPING"}
