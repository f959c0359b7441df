"""CloudWatch log groups, real in the emulator: the functions write there."""

from __future__ import annotations

from twin.cloud.context import Context, text
from twin.cloud.kind import Kind, Made, Request, Resource, outputs, tags
from twin.cloud.services import create_or_adopt, gone_is_fine


def _create(at: Context, request: Request) -> Made:
    logs, name = at.client("logs"), text(request.inputs, "name")
    create_or_adopt(lambda: logs.create_log_group(logGroupName=name, tags=tags(request.inputs)))
    return _made(at, request)


def _made(at: Context, request: Request) -> Made:
    logs, name = at.client("logs"), text(request.inputs, "name")
    days = int(request.inputs.get("retentionInDays") or 0)
    if days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    else:
        with gone_is_fine():
            logs.delete_retention_policy(logGroupName=name)
    arn = at.arn("logs", f"log-group:{name}")
    return Made(name, outputs(at, request.inputs, arn=arn, retentionInDays=days, logGroupClass="STANDARD"))


def _delete(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("logs").delete_log_group(logGroupName=resource.id)


def _exists(at: Context, resource: Resource) -> bool:
    groups = at.client("logs").describe_log_groups(logGroupNamePrefix=resource.id)["logGroups"]
    return any(group["logGroupName"] == resource.id for group in groups)


KINDS = (
    Kind(
        typ="aws:cloudwatch/logGroup:LogGroup",
        create=_create, update=lambda at, _, request: _made(at, request), delete=_delete, exists=_exists,
        named_by="name", name_limit=512, differs="Encryption is recorded.",
    ),
)  # fmt: skip
