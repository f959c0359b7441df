"""Kinesis data streams, real in the emulator."""

from __future__ import annotations

from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Request, Resource, outputs, tags
from twin.cloud.services import completing, create_or_adopt, gone_is_fine, is_there, wait_for

# "CreateStream", Kinesis API reference: an on-demand stream starts with four shards, data are kept 24 hours.
ON_DEMAND_SHARDS = 4
DEFAULT_RETENTION_H = 24


def _on_demand(inputs: Inputs) -> bool:
    return str((inputs.get("streamModeDetails") or {}).get("streamMode")) == "ON_DEMAND"


def _shards(inputs: Inputs) -> int:
    return ON_DEMAND_SHARDS if _on_demand(inputs) else int(inputs.get("shardCount") or 1)


def _create(at: Context, request: Request) -> Made:
    name, kinesis = text(request.inputs, "name"), at.client("kinesis")
    create_or_adopt(lambda: kinesis.create_stream(StreamName=name, ShardCount=_shards(request.inputs)))
    with completing(lambda: _made(at, request)):
        _wait(kinesis, name)
        if tags(request.inputs):
            kinesis.add_tags_to_stream(StreamName=name, Tags=tags(request.inputs))
        _retain(kinesis, name, request.inputs)
    return _made(at, request)


def _update(at: Context, old: Resource, request: Request) -> Made:
    name, kinesis = text(request.inputs, "name"), at.client("kinesis")
    if _shards(request.inputs) != _shards(old.inputs):
        kinesis.update_shard_count(
            StreamName=name, TargetShardCount=_shards(request.inputs), ScalingType="UNIFORM_SCALING"
        )
        _wait(kinesis, name)
    _retain(kinesis, name, request.inputs)
    return _made(at, request)


def _retain(kinesis: Any, name: str, inputs: Inputs) -> None:
    wanted = int(inputs.get("retentionPeriod") or DEFAULT_RETENTION_H)
    kept = int(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["RetentionPeriodHours"])
    if wanted > kept:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=wanted)
    elif wanted < kept:
        kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=wanted)


def _wait(kinesis: Any, name: str) -> None:
    def active() -> bool:
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return bool(summary["StreamStatus"] == "ACTIVE")

    wait_for(f"The Kinesis stream {name}", active)


def _made(at: Context, request: Request) -> Made:
    arn = at.arn("kinesis", f"stream/{request.inputs['name']}")
    return Made(
        arn,
        outputs(
            at, request.inputs, arn=arn,
            shardCount=0 if _on_demand(request.inputs) else _shards(request.inputs),
            retentionPeriod=int(request.inputs.get("retentionPeriod") or DEFAULT_RETENTION_H),
            encryptionType=request.inputs.get("encryptionType") or "NONE",
        ),
    )  # fmt: skip


def _delete(at: Context, resource: Resource) -> None:
    name, kinesis = text(resource.outputs, "name"), at.client("kinesis")
    with gone_is_fine():
        kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    wait_for(f"The end of the Kinesis stream {name}", lambda: not _exists(at, resource))


def _exists(at: Context, resource: Resource) -> bool:
    name = text(resource.outputs, "name")
    return is_there(lambda: at.client("kinesis").describe_stream_summary(StreamName=name))


def _read(at: Context, resource: Resource) -> dict[str, Any]:
    name = text(resource.outputs, "name")
    found = at.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    shards = resource.outputs["shardCount"] and int(found["OpenShardCount"])
    return {**resource.outputs, "shardCount": shards, "retentionPeriod": int(found["RetentionPeriodHours"])}


KINDS = (
    Kind(
        typ="aws:kinesis/stream:Stream",
        create=_create, update=_update, delete=_delete, exists=_exists, read=_read,
        named_by="name", name_limit=128,
        differs="Encryption is recorded; an on-demand stream keeps its first four shards.",
    ),
)  # fmt: skip
