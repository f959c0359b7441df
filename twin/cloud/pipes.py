"""EventBridge pipes: each is a process of the twin (`twin.pipe`)."""

from __future__ import annotations

import shutil
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.errors import InputError, UnsupportedTypeError
from twin.cloud.kind import Kind, Made, Request, Resource, outputs
from twin.cloud.services import is_there

MODULE = "twin.pipe"
# "EventBridge Pipes batching and concurrency": a batch must fit into one request of the target.
TARGET_BATCH = {"sns": 10, "sqs": 10, "events": 10, "kinesis": 500}
DEFAULT_KINESIS_BATCH = 100
TEMPLATE_LIMIT = 8192


def _service(arn: str) -> str:
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""


def _check(at: Context, request: Request) -> None:
    inputs, owner = request.inputs, f"{request.typ} {request.name!r}"
    source, target = text(inputs, "source"), text(inputs, "target")
    if _service(source) != "kinesis" or inputs.get("enrichment"):
        what = "an enrichment" if inputs.get("enrichment") else f"the source {source}"
        raise UnsupportedTypeError(
            f"{owner}: the twin's pipe reads Kinesis streams and enriches nothing; it cannot do {what}. "
            "Add it to twin/pipe and to twin/cloud/pipes.py."
        )
    stream = (inputs.get("sourceParameters") or {}).get("kinesisStreamParameters") or {}
    if not stream.get("startingPosition"):
        raise InputError(f"{owner}: sourceParameters.kinesisStreamParameters.startingPosition is required.")
    batch, limit = int(stream.get("batchSize") or DEFAULT_KINESIS_BATCH), TARGET_BATCH.get(_service(target))
    if limit is not None and batch > limit:
        raise InputError(
            f"{owner}: sourceParameters.kinesisStreamParameters.batchSize is {batch}"
            f"{'' if stream.get('batchSize') else ' (the default)'}; {_service(target)} takes {limit} at most."
        )
    template = str((inputs.get("targetParameters") or {}).get("inputTemplate") or "")
    if len(template) > TEMPLATE_LIMIT:
        raise InputError(f"{owner}: targetParameters.inputTemplate is longer than {TEMPLATE_LIMIT} characters.")
    at.require_role(text(inputs, "roleArn"), "roleArn", owner)
    _check_ends(at, source, target, owner)


def _check_ends(at: Context, source: str, target: str, owner: str) -> None:
    name = source.rsplit("/", 1)[-1]
    if not is_there(lambda: at.client("kinesis").describe_stream_summary(StreamName=name)):
        raise InputError(f"{owner}: the source {source} does not exist.")
    if _service(target) == "sns" and not is_there(lambda: at.client("sns").get_topic_attributes(TopicArn=target)):
        raise InputError(f"{owner}: the target {target} does not exist.")


def _run(at: Context, request: Request) -> Made:
    _check(at, request)
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


def _delete(at: Context, resource: Resource) -> None:
    at.stop(_process(resource.id))
    shutil.rmtree(at.folder_of("pipe", resource.id), ignore_errors=True)


def _exists(at: Context, resource: Resource) -> bool:
    return resource.inputs.get("desiredState") == "STOPPED" or _process(resource.id) in at.supervisor.processes


def _process(name: str) -> str:
    return f"pipe-{name}"


KINDS = (
    Kind(
        typ="aws:pipes/pipe:Pipe",
        create=_run, update=lambda at, _, request: _run(at, request), delete=_delete, exists=_exists, revives=True,
        named_by="name", name_limit=64, replace_on=frozenset({"name", "source"}),
    ),
)  # fmt: skip
