"""SQS queues and their policies, real in the emulator."""

from __future__ import annotations

from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Request, Resource, outputs, tags
from twin.cloud.services import code, create_or_adopt, gone_is_fine, is_there, parsed_like
from twin.cloud.sns import attributes

ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
FIFO_ONLY = ("contentBasedDeduplication", "deduplicationScope", "fifoQueue", "fifoThroughputLimit")

# Lowest, highest and default values: "SetQueueAttributes" and "CreateQueue", SQS API reference.
# The API model of botocore takes attributes as free text, so the ranges stand here.
RANGES = {
    "delaySeconds": (0, 900, 0),
    "kmsDataKeyReusePeriodSeconds": (60, 86_400, 300),
    "maxMessageSize": (1_024, 1_048_576, 262_144),
    "messageRetentionSeconds": (60, 1_209_600, 345_600),
    "receiveWaitTimeSeconds": (0, 20, 0),
    "visibilityTimeoutSeconds": (0, 43_200, 30),
}


def _attributes(inputs: Inputs) -> dict[str, str]:
    given = {prop: value for prop, value in inputs.items() if inputs.get("fifoQueue") or prop not in FIFO_ONLY}
    return attributes(given, ATTRIBUTES)


def _create(at: Context, request: Request) -> Made:
    sqs, name = at.client("sqs"), text(request.inputs, "name")
    wanted = _attributes(request.inputs)
    if not create_or_adopt(lambda: sqs.create_queue(QueueName=name, Attributes=wanted, tags=tags(request.inputs))):
        sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], Attributes=wanted)
    return _made(at, request, sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _update(at: Context, old: Resource, request: Request) -> Made:
    defaults = {ATTRIBUTES[prop]: str(default) for prop, (_, _, default) in RANGES.items()}
    was, now = _attributes(old.inputs), _attributes(request.inputs)
    changed = {
        name: now.get(name, defaults.get(name, ""))
        for name in {*was, *now} - {"FifoQueue"}
        if was.get(name) != now.get(name)
    }
    if changed:
        at.client("sqs").set_queue_attributes(QueueUrl=old.id, Attributes=changed)
    return _made(at, request, old.id)


def _made(at: Context, request: Request, url: str) -> Made:
    filled = {prop: default for prop, (_, _, default) in RANGES.items() if request.inputs.get(prop) is None}
    arn = at.arn("sqs", text(request.inputs, "name"))
    return Made(url, outputs(at, {**filled, **request.inputs}, url=url, arn=arn))


def _delete(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("sqs").delete_queue(QueueUrl=resource.id)


def _exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("sqs").get_queue_attributes(QueueUrl=resource.id, AttributeNames=["QueueArn"]))


def _read(at: Context, resource: Resource) -> dict[str, Any]:
    answer = at.client("sqs").get_queue_attributes(QueueUrl=resource.id, AttributeNames=["All"])["Attributes"]
    found = dict(resource.outputs)
    for prop, name in ATTRIBUTES.items():
        # A policy may be another resource's; the rest is the queue's own.
        if prop in found and name in answer and prop not in ("policy", "redriveAllowPolicy", "redrivePolicy"):
            found[prop] = parsed_like(found[prop], answer[name])
    return found


def _policy_kind(token: str, prop: str) -> Kind:
    def put(at: Context, request: Request) -> Made:
        url = text(request.inputs, "queueUrl")
        value = {ATTRIBUTES[prop]: text(request.inputs, prop)}
        at.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=value)
        return Made(url, outputs(at, request.inputs))

    def clear(at: Context, resource: Resource) -> None:
        with gone_is_fine():
            at.client("sqs").set_queue_attributes(QueueUrl=resource.id, Attributes={ATTRIBUTES[prop]: ""})

    return Kind(
        typ=token,
        create=put, update=lambda at, _, request: put(at, request), delete=clear,
        identity=frozenset({"queueUrl"}),
    )  # fmt: skip


def visibility_timeout(at: Context, queue_arn: str) -> int | None:
    """Look up a queue's visibility timeout in seconds; None if there is no such queue."""
    sqs = at.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=queue_arn.rsplit(":", 1)[-1])["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    except sqs.exceptions.ClientError as error:
        if "NonExistentQueue" in code(error) or "QueueDoesNotExist" in code(error):
            return None
        raise
    return int(answer["Attributes"]["VisibilityTimeout"])


KINDS = (
    Kind(
        typ="aws:sqs/queue:Queue",
        create=_create, update=_update, delete=_delete, exists=_exists, read=_read,
        named_by="name", name_limit=80,
        differs="Encryption is recorded.",
    ),
    _policy_kind("aws:sqs/queuePolicy:QueuePolicy", "policy"),
    _policy_kind("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"),
    _policy_kind("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"),
)  # fmt: skip
