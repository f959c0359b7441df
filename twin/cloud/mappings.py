"""Event source mappings from SQS to Lambda: each is a process of the twin."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from typing import Any

from twin.cloud.context import Context, number, text
from twin.cloud.errors import InputError, UnsupportedTypeError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs
from twin.cloud.sqs import visibility_timeout

MODULE = "twin.event_source"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
# "CreateEventSourceMapping", Lambda API reference: batches beyond ten need a window to gather them in.
STANDARD_BATCH, FIFO_BATCH, BATCH_WITHOUT_WINDOW = 10_000, 10, 10
DEFAULT_BATCH = 10
# "Using Lambda with Amazon SQS", permissions of the execution role.
NEEDED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
NAMESPACE = uuid.UUID("5f2b0c1e-6a55-4f0b-9a57-0c2f4d1f3b10")


def function_name(reference: str) -> str:
    """Give the name in a function's name, ARN or partial ARN."""
    parts = reference.split(":")
    return parts[parts.index("function") + 1] if "function" in parts else parts[-1]


def _check(request: Request) -> Iterator[Problem]:
    inputs, owner = request.inputs, f"{request.typ} {request.name!r}"
    source = inputs.get("eventSourceArn")
    if not isinstance(source, Unknown) and not str(source or "").startswith("arn:aws:sqs:"):
        raise UnsupportedTypeError(
            f"{owner}: the twin maps SQS queues only, not {source or 'a source without ARN'}. "
            "Add the source to twin/event_source and to twin/cloud/mappings.py."
        )
    batch, window = number(inputs, "batchSize"), number(inputs, "maximumBatchingWindowInSeconds") or 0
    limit = FIFO_BATCH if str(source).endswith(".fifo") else STANDARD_BATCH
    if batch is not None and not 1 <= batch <= limit:
        yield Problem("batchSize", f"batchSize is {batch}; Lambda takes 1 to {limit} from this queue.")
    elif batch is not None and batch > BATCH_WITHOUT_WINDOW and window < 1:
        yield Problem(
            "batchSize",
            f"batchSize {batch} needs maximumBatchingWindowInSeconds of at least 1 (above {BATCH_WITHOUT_WINDOW} a "
            "batch is gathered over a window).",
        )


def _check_ends(at: Context, request: Request) -> None:
    inputs, owner = request.inputs, f"{request.typ} {request.name!r}"
    source = text(inputs, "eventSourceArn")
    visible_after = visibility_timeout(at, source)
    if visible_after is None:
        raise InputError(f"{owner}: the queue {source} does not exist.")
    functions, name = at.client("lambda"), function_name(text(inputs, "functionName"))
    try:
        function = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException as error:
        raise InputError(f"{owner}: the function {name} does not exist.") from error
    timeout = int(function["Timeout"])
    if visible_after < timeout:
        raise InputError(
            f"{owner}: the queue's visibilityTimeoutSeconds is {visible_after}, less than the function's timeout of "
            f"{timeout} s: Lambda refuses the mapping (six times the timeout is recommended)."
        )
    _check_rights(at, str(function["Role"]), source, owner)


def _check_rights(at: Context, role: str, queue: str, owner: str) -> None:
    # The service reads the queue as the function's role, and looks whether it may when the mapping is made.
    answer = at.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=list(NEEDED), ResourceArns=[queue]
    )
    denied = [one["EvalActionName"] for one in answer["EvaluationResults"] if one["EvalDecision"] != "allowed"]
    if denied:
        raise InputError(f"{owner}: the function's role {role} is not allowed {', '.join(denied)} on {queue}.")


def _create(at: Context, request: Request) -> Made:
    _check_ends(at, request)
    return _run(at, request, str(uuid.uuid5(NAMESPACE, request.seed)))


def _update(at: Context, old: Resource, request: Request) -> Made:
    _check_ends(at, request)
    if _process(old.id, old.inputs) != _process(old.id, request.inputs):
        at.stop(_process(old.id, old.inputs))
    return _run(at, request, old.id)


def _run(at: Context, request: Request, id_: str) -> Made:
    inputs = request.inputs
    name = function_name(text(inputs, "functionName"))
    arn = at.arn("lambda", f"event-source-mapping:{id_}")
    enabled = inputs.get("enabled") is not False
    process = _process(id_, inputs)
    if enabled:
        # As the administrator: on AWS the function's role reads the queue, but the service itself invokes.
        at.run(process, MODULE, _spec(at, inputs, id_, name), role_arn=None, service="lambda.amazonaws.com")
    else:
        at.stop(process)
    computed = {
        "uuid": id_,
        "arn": arn,
        "functionArn": at.arn("lambda", f"function:{name}"),
        "batchSize": int(inputs.get("batchSize") or DEFAULT_BATCH),
        "state": "Enabled" if enabled else "Disabled",
        "stateTransitionReason": "USER_INITIATED",
    }
    return Made(id_, outputs(at, inputs, **computed))


def set_enabled(at: Context, mapping: Resource, enabled: bool) -> None:
    """Read the queue, or stop reading it. Raises InputError, TwinError."""
    _run(at, Request(mapping.typ, mapping.name, {**mapping.inputs, "enabled": enabled}, mapping.seed), mapping.id)


def state_of(at: Context, mapping: Resource) -> str:
    """Give a mapping's state in its API's words: Enabled or Disabled."""
    return "Enabled" if _process(mapping.id, mapping.inputs) in at.supervisor.processes else "Disabled"


def _spec(at: Context, inputs: Inputs, id_: str, function: str) -> dict[str, Any]:
    filters = (inputs.get("filterCriteria") or {}).get("filters") or []
    scaling = inputs.get("scalingConfig") or {}
    return {
        "uuid": id_,
        "event_source_arn": text(inputs, "eventSourceArn"),
        "function_name": function,
        "batch_size": int(inputs.get("batchSize") or DEFAULT_BATCH),
        "maximum_batching_window_in_seconds": int(inputs.get("maximumBatchingWindowInSeconds") or 0),
        "function_response_types": list(inputs.get("functionResponseTypes") or []),
        "scaling_config": {"maximum_concurrency": scaling.get("maximumConcurrency")},
        "filter_criteria": {"filters": [{"pattern": entry.get("pattern")} for entry in filters]},
        "folder": str(at.folder_of("event-source", id_)),
    }


def _delete(at: Context, resource: Resource) -> None:
    at.stop(_process(resource.id, resource.inputs))
    shutil.rmtree(at.folder_of("event-source", resource.id), ignore_errors=True)


def _exists(at: Context, resource: Resource) -> bool:
    disabled = resource.inputs.get("enabled") is False
    return disabled or _process(resource.id, resource.inputs) in at.supervisor.processes


def _process(id_: str, inputs: Inputs) -> str:
    return f"event-source-{function_name(text(inputs, 'functionName'))}-{id_[:8]}"


KINDS = (
    Kind(
        typ=MAPPING,
        create=_create, update=_update, delete=_delete, exists=_exists, check=_check, revives=True,
        identity=frozenset({"eventSourceArn", "functionName"}), volatile=frozenset({"state"}),
        differs="SQS only. A batch fills and the pollers scale at once, and not over minutes.",
    ),
)  # fmt: skip
