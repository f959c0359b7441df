"""The API of Lambda for event source mappings: list, get, update whether they are enabled.

Source: "ListEventSourceMappings", "GetEventSourceMapping", "UpdateEventSourceMapping" (AWS Lambda API reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.cloud.context import Context
from twin.cloud.kind import Resource
from twin.cloud.mappings import MAPPING, function_name, set_enabled, state_of
from twin.control.errors import ControlError

PREFIX = "/2015-03-31/event-source-mappings"

Json = dict[str, Any]


def answer(at: Context, method: str, path: str, query: Mapping[str, str], request: Json) -> Json:
    """Carry out one call.

    Raises:
        ControlError: it is unknown, or there is no such mapping.
    """
    uuid = path.removeprefix(PREFIX).strip("/")
    if method == "GET" and not uuid:
        return {"EventSourceMappings": [_shown(at, one) for one in _asked_for(at, query)]}
    if method not in ("GET", "PUT") or not uuid:
        raise ControlError("InvalidParameterValueException", f"The twin does not answer {method} {path}.")
    found = at.state.find(MAPPING, lambda one: one.id == uuid)
    if not found:
        raise ControlError("ResourceNotFoundException", f"There is no event source mapping {uuid}.", 404)
    if method == "PUT":
        if set(request) - {"Enabled", "FunctionName"}:
            raise ControlError(
                "InvalidParameterValueException", "The twin updates Enabled only: change the rest in the program."
            )
        if "Enabled" in request:
            set_enabled(at, found[-1], bool(request["Enabled"]))
    return _shown(at, found[-1])


def _asked_for(at: Context, query: Mapping[str, str]) -> list[Resource]:
    function, source = query.get("FunctionName"), query.get("EventSourceArn")
    return at.state.find(
        MAPPING,
        lambda one: (
            (function is None or function_name(function) == function_name(str(one.inputs["functionName"])))
            and (source is None or source == one.inputs["eventSourceArn"])
        ),
    )


def _shown(at: Context, mapping: Resource) -> Json:
    inputs, outputs = mapping.inputs, mapping.outputs
    return {
        "UUID": mapping.id,
        "EventSourceArn": inputs["eventSourceArn"],
        "EventSourceMappingArn": outputs["arn"],
        "FunctionArn": outputs["functionArn"],
        "BatchSize": int(outputs["batchSize"]),
        "MaximumBatchingWindowInSeconds": int(inputs.get("maximumBatchingWindowInSeconds") or 0),
        "FunctionResponseTypes": list(inputs.get("functionResponseTypes") or []),
        "State": state_of(at, mapping),
        "StateTransitionReason": "USER_INITIATED",
    }
