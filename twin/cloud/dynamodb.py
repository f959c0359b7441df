"""DynamoDB tables, real in the emulator."""

from __future__ import annotations

from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.errors import InputError
from twin.cloud.kind import Inputs, Kind, Made, Request, Resource, outputs
from twin.cloud.services import create_or_adopt, gone_is_fine, is_there, wait_for

# What the twin makes of a table. A property beyond these would be lost without a word.
KNOWN = frozenset(
    {
        *(
            "name",
            "billingMode",
            "hashKey",
            "rangeKey",
            "attributes",
            "readCapacity",
            "writeCapacity",
            "tags",
            "tagsAll",
        ),
        *("ttl", "pointInTimeRecovery", "deletionProtectionEnabled", "serverSideEncryption", "tableClass", "region"),
    }
)


def _create(at: Context, request: Request) -> Made:
    inputs, name, tables = request.inputs, text(request.inputs, "name"), at.client("dynamodb")
    unknown = sorted(prop for prop in inputs if prop not in KNOWN and inputs[prop] not in (None, False, []))
    if unknown:
        raise InputError(
            f"{request.typ} {request.name!r}: the twin makes no table with {', '.join(unknown)}. "
            "Add it to twin/cloud/dynamodb.py."
        )
    keys = [(inputs["hashKey"], "HASH"), *([(inputs["rangeKey"], "RANGE")] if inputs.get("rangeKey") else [])]
    on_demand = inputs.get("billingMode") == "PAY_PER_REQUEST"
    throughput = {
        "ReadCapacityUnits": int(inputs.get("readCapacity") or 1),
        "WriteCapacityUnits": int(inputs.get("writeCapacity") or 1),
    }
    create_or_adopt(
        lambda: tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
            AttributeDefinitions=[
                {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs.get("attributes", ())
            ],
            BillingMode="PAY_PER_REQUEST" if on_demand else "PROVISIONED",
            **({} if on_demand else {"ProvisionedThroughput": throughput}),
        )
    )
    wait_for(f"The DynamoDB table {name}", lambda: _status(tables, name) == "ACTIVE")
    _adjust(tables, name, {}, inputs)
    return _made(at, request)


def _update(at: Context, old: Resource, request: Request) -> Made:
    _adjust(at.client("dynamodb"), old.id, old.inputs, request.inputs)
    return _made(at, request)


def _adjust(tables: Any, name: str, old: Inputs, new: Inputs) -> None:
    """Set what has calls of its own, where it changed."""
    protected = bool(new.get("deletionProtectionEnabled"))
    if protected != bool(old.get("deletionProtectionEnabled")):
        tables.update_table(TableName=name, DeletionProtectionEnabled=protected)
    ttl, was = new.get("ttl") or {}, old.get("ttl") or {}
    if ttl != was:
        tables.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={
                "AttributeName": ttl.get("attributeName") or was.get("attributeName"),
                "Enabled": bool(ttl.get("enabled")),
            },
        )
    recovery = bool((new.get("pointInTimeRecovery") or {}).get("enabled"))
    if recovery != bool((old.get("pointInTimeRecovery") or {}).get("enabled")):
        tables.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": recovery}
        )


def _made(at: Context, request: Request) -> Made:
    name = text(request.inputs, "name")
    return Made(name, outputs(at, request.inputs, arn=at.arn("dynamodb", f"table/{name}")))


def _status(tables: Any, name: str) -> str:
    return str(tables.describe_table(TableName=name)["Table"]["TableStatus"])


def _delete(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("dynamodb").delete_table(TableName=resource.id)
    wait_for(f"The end of the DynamoDB table {resource.id}", lambda: not _exists(at, resource))


def _exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("dynamodb").describe_table(TableName=resource.id))


KINDS = (
    Kind(
        typ="aws:dynamodb/table:Table",
        create=_create, update=_update, delete=_delete, exists=_exists,
        named_by="name", name_limit=255,
        # AWS changes both in place.
        replace_on=frozenset({"attributes", "billingMode"}),
        differs="A change of attributes or billingMode replaces it. Encryption and capacity are recorded.",
    ),
)  # fmt: skip
