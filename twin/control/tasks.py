"""The API of DMS for replication tasks: describe, start, reload, stop.

Source: "DescribeReplicationTasks", "StartReplicationTask", "StopReplicationTask" (AWS DMS API reference). A task that
gave up is `failed`, with the last words of its process as `LastFailureMessage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twin.cloud.capture import TASK, start_task, status_of, stop_task
from twin.cloud.context import Context
from twin.cloud.kind import Resource
from twin.control.errors import ControlError

PREFIX = "AmazonDMSv20160101."
START_TYPES = ("start-replication", "resume-processing", "reload-target")
FILTERS: dict[str, Callable[[Resource], str]] = {
    "replication-task-arn": lambda task: str(task.outputs["replicationTaskArn"]),
    "replication-task-id": lambda task: task.id,
}

Json = dict[str, Any]


def answer(at: Context, operation: str, request: Mapping[str, Any]) -> Json:
    """Carry out one operation.

    Raises:
        ControlError: it is unknown, or refused as DMS refuses it.
    """
    operations: dict[str, Callable[[Context, Mapping[str, Any]], Json]] = {
        "DescribeReplicationTasks": _describe,
        "StartReplicationTask": _start,
        "StopReplicationTask": _stop,
    }
    if operation not in operations:
        raise ControlError("UnknownOperationException", f"The twin answers {', '.join(operations)}, not {operation!r}.")
    return operations[operation](at, request)


def _describe(at: Context, request: Mapping[str, Any]) -> Json:
    found = at.state.find(TASK, lambda _: True)
    for wanted in request.get("Filters") or []:
        if wanted.get("Name") not in FILTERS:
            known = ", ".join(FILTERS)
            raise ControlError("InvalidParameterValueException", f"Filter {wanted.get('Name')!r} is none of {known}.")
        value = FILTERS[wanted["Name"]]
        found = [task for task in found if value(task) in wanted.get("Values", [])]
    if request.get("Filters") and not found:
        raise ControlError("ResourceNotFoundFault", "No tasks found matching the filter.")
    return {"ReplicationTasks": [_shown(at, task) for task in found]}


def _start(at: Context, request: Mapping[str, Any]) -> Json:
    task, how = _named(at, request), request.get("StartReplicationTaskType")
    if how not in START_TYPES:
        raise ControlError(
            "InvalidParameterValueException", f"StartReplicationTaskType {how!r} is none of {START_TYPES}."
        )
    status, _ = status_of(at, task)
    if status == "running":
        raise ControlError("InvalidResourceStateFault", f"The task {task.id} is running: stop it first.")
    start_task(at, task, reload=how == "reload-target")
    return {"ReplicationTask": {**_shown(at, task), "Status": "starting"}}


def _stop(at: Context, request: Mapping[str, Any]) -> Json:
    task = _named(at, request)
    status, _ = status_of(at, task)
    if status != "running":
        raise ControlError("InvalidResourceStateFault", f"The task {task.id} is {status}, not running.")
    stop_task(at, task)
    return {"ReplicationTask": {**_shown(at, task), "Status": "stopping"}}


def _named(at: Context, request: Mapping[str, Any]) -> Resource:
    arn = request.get("ReplicationTaskArn")
    found = at.state.find(TASK, lambda task: task.outputs["replicationTaskArn"] == arn)
    if not found:
        raise ControlError("ResourceNotFoundFault", f"There is no replication task {arn!r}.")
    return found[-1]


def _shown(at: Context, task: Resource) -> Json:
    status, failure = status_of(at, task)
    return {
        "ReplicationTaskIdentifier": task.id,
        "ReplicationTaskArn": task.outputs["replicationTaskArn"],
        "SourceEndpointArn": task.inputs["sourceEndpointArn"],
        "TargetEndpointArn": task.inputs["targetEndpointArn"],
        "MigrationType": task.inputs["migrationType"],
        "Status": status,
        **({"LastFailureMessage": failure} if failure else {}),
    }
