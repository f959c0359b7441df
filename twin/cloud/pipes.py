"""EventBridge pipes: each is a process of the twin (`twin.pipe`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from twin.cloud.context import Context, number, text
from twin.cloud.errors import InputError, UnsupportedTypeError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs
from twin.cloud.services import is_there

MODULE = "twin.pipe"
PIPE = "aws:pipes/pipe:Pipe"
# "EventBridge Pipes batching and concurrency": a batch must fit into one request of the target.
TARGET_BATCH = {"sns": 10, "sqs": 10, "events": 10, "kinesis": 500}
DEFAULT_KINESIS_BATCH = 100
TEMPLATE_LIMIT = 8192


def _service(arn: Any) -> str:
    parts = str(arn).split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""


def _check(request: Request) -> Iterator[Problem]:
    inputs, owner = request.inputs, f"{request.typ} {request.name!r}"
    source, target = inputs.get("source"), inputs.get("target")
    if (_service(source) != "kinesis" and not isinstance(source, Unknown)) or inputs.get("enrichment"):
        what = "an enrichment" if inputs.get("enrichment") else f"the source {source}"
        raise UnsupportedTypeError(
            f"{owner}: the twin's pipe reads Kinesis streams and enriches nothing; it cannot do {what}. "
            "Add it to twin/pipe and to twin/cloud/pipes.py."
        )
    given, path = _members(inputs, "sourceParameters"), "sourceParameters.kinesisStreamParameters"
    stream = _members(given, "kinesisStreamParameters")
    if not stream.get("startingPosition") and not isinstance(inputs.get("sourceParameters"), Unknown):
        yield Problem(f"{path}.startingPosition", f"{path}.startingPosition is required.")
    batch, limit = number(stream, "batchSize") or DEFAULT_KINESIS_BATCH, TARGET_BATCH.get(_service(target))
    if limit is not None and batch > limit:
        default = "" if stream.get("batchSize") else " (the default)"
        yield Problem(
            f"{path}.batchSize", f"{path}.batchSize is {batch}{default}; {_service(target)} takes {limit} at most."
        )
    template = _members(inputs, "targetParameters").get("inputTemplate")
    if isinstance(template, str) and len(template) > TEMPLATE_LIMIT:
        prop = "targetParameters.inputTemplate"
        yield Problem(prop, f"{prop} is longer than {TEMPLATE_LIMIT} characters.")


def _members(inputs: Inputs, prop: str) -> Inputs:
    value = inputs.get(prop)
    return value if isinstance(value, Mapping) else {}


def _check_ends(at: Context, request: Request) -> None:
    inputs, owner = request.inputs, f"{request.typ} {request.name!r}"
    source, target = text(inputs, "source"), text(inputs, "target")
    at.require_role(text(inputs, "roleArn"), "roleArn", owner)
    name = source.rsplit("/", 1)[-1]
    if not is_there(lambda: at.client("kinesis").describe_stream_summary(StreamName=name)):
        raise InputError(f"{owner}: the source {source} does not exist.")
    if _service(target) == "sns" and not is_there(lambda: at.client("sns").get_topic_attributes(TopicArn=target)):
        raise InputError(f"{owner}: the target {target} does not exist.")


def _run(at: Context, request: Request) -> Made:
    _check_ends(at, request)
    inputs, name = request.inputs, text(request.inputs, "name")
    state = str(inputs.get("desiredState") or "RUNNING")
    if state == "RUNNING":
        at.run(
            _process(name),
            MODULE,
            _spec(at, request, name),
            role_arn=text(inputs, "roleArn"),
            service="pipes.amazonaws.com",
        )
    else:
        at.stop(_process(name))
    return Made(name, outputs(at, {"desiredState": "RUNNING", **inputs}, arn=at.arn("pipes", f"pipe/{name}")))


def _spec(at: Context, request: Request, name: str) -> dict[str, Any]:
    inputs = request.inputs
    return {
        "name": name,
        "source_arn": inputs["source"],
        "target_arn": inputs["target"],
        "source_parameters": inputs.get("sourceParameters") or {},
        "target_parameters": inputs.get("targetParameters") or {},
        "desired_state": inputs.get("desiredState") or "RUNNING",
        "folder": str(at.folder_of("pipe", name)),
    }


def start_pipe(at: Context, pipe: Resource) -> None:
    """Start a pipe that was stopped, from its checkpoint on. Raises InputError, TwinError."""
    _run(at, Request(pipe.typ, pipe.name, {**pipe.inputs, "desiredState": "RUNNING"}, pipe.seed))


def stop_pipe(at: Context, pipe: Resource) -> None:
    """Stop a pipe; it remembers how far it read."""
    at.stop(_process(pipe.id))


def state_of(at: Context, pipe: Resource) -> tuple[str, str]:
    """Give a pipe's state in its API's words (RUNNING, STOPPED, START_FAILED), and the reason of a failure."""
    process = at.supervisor.processes.get(_process(pipe.id))
    if process is None:
        return "STOPPED", ""
    if process.gave_up:
        return "START_FAILED", process.log_tail().strip()
    return "RUNNING", ""


def _delete(at: Context, resource: Resource) -> None:
    at.stop(_process(resource.id))
    shutil.rmtree(at.folder_of("pipe", resource.id), ignore_errors=True)


def _exists(at: Context, resource: Resource) -> bool:
    return resource.inputs.get("desiredState") == "STOPPED" or _process(resource.id) in at.supervisor.processes


def _process(name: str) -> str:
    return f"pipe-{name}"


KINDS = (
    Kind(
        typ=PIPE,
        create=_run, update=lambda at, _, request: _run(at, request), delete=_delete, exists=_exists, check=_check,
        revives=True, named_by="name", name_limit=64,
        differs="From Kinesis to SNS, without enrichment.",
    ),
)  # fmt: skip
