"""Functions that a program calls instead of resources that it declares."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from twin.cloud.context import Context
from twin.cloud.errors import InputError, UnsupportedTypeError

Answer = dict[str, Any]

# The twin has one pretended region of three zones.
ZONES = ("a", "b", "c")
POLICY_VERSION = "2012-10-17"


def _region(at: Context, args: Mapping[str, Any]) -> Answer:
    name = str(args.get("region") or args.get("name") or at.region)
    return {
        "id": name, "name": name, "region": name, "description": f"The twin's {name}",
        "endpoint": f"ec2.{name}.amazonaws.com",
    }  # fmt: skip


def _caller(at: Context, args: Mapping[str, Any]) -> Answer:
    arn = at.arn("iam", "root", regional=False)
    return {"id": at.account, "accountId": at.account, "arn": arn, "userId": at.account}


def _partition(at: Context, args: Mapping[str, Any]) -> Answer:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _zones(at: Context, args: Mapping[str, Any]) -> Answer:
    names = [f"{at.region}{zone}" for zone in ZONES]
    parts = at.region.split("-")
    short = "".join([parts[0], *(part[0] for part in parts[1:-1]), parts[-1]])
    ids = [f"{short}-az{number}" for number in range(1, len(ZONES) + 1)]
    return {**args, "id": at.region, "names": names, "zoneIds": ids, "groupNames": [at.region], "region": at.region}


def _policy_document(at: Context, args: Mapping[str, Any]) -> Answer:
    sources = [*(args.get("sourcePolicyDocuments") or []), *(args.get("overridePolicyDocuments") or [])]
    statements = [statement for text in sources for statement in json.loads(text).get("Statement", [])]
    statements += [_statement(entry) for entry in args.get("statements") or []]
    document: Answer = {"Version": args.get("version") or POLICY_VERSION, "Statement": statements}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    text = json.dumps(document, indent=2)
    return {
        **args,
        "id": hashlib.sha256(text.encode()).hexdigest()[:10],
        "json": text,
        "minifiedJson": json.dumps(document),
    }


def _statement(entry: Mapping[str, Any]) -> Answer:
    made: Answer = {"Effect": entry.get("effect") or "Allow"}
    if entry.get("sid"):
        made["Sid"] = entry["sid"]
    for prop, member in (
        ("actions", "Action"), ("notActions", "NotAction"), ("resources", "Resource"), ("notResources", "NotResource"),
    ):  # fmt: skip
        if entry.get(prop):
            values = list(entry[prop])
            made[member] = values[0] if len(values) == 1 else values
    for prop, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if entry.get(prop):
            made[member] = _principals(entry[prop])
    conditions: dict[str, dict[str, Any]] = {}
    for condition in entry.get("conditions") or []:
        values = list(condition["values"])
        conditions.setdefault(condition["test"], {})[condition["variable"]] = values[0] if len(values) == 1 else values
    return {**made, "Condition": conditions} if conditions else made


def _principals(entries: list[Mapping[str, Any]]) -> Any:
    if any(entry["type"] == "*" for entry in entries):
        return "*"
    grouped: dict[str, list[str]] = {}
    for entry in entries:
        grouped.setdefault(entry["type"], []).extend(entry["identifiers"])
    return {type_: values[0] if len(values) == 1 else values for type_, values in grouped.items()}


def _role(at: Context, args: Mapping[str, Any]) -> Answer:
    iam, name = at.client("iam"), str(args["name"])
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException as error:
        raise InputError(f"getRole: there is no role {name!r}.") from error
    return {
        **args, "id": name, "arn": role["Arn"], "uniqueId": role["RoleId"], "path": role["Path"],
        "createDate": role["CreateDate"].isoformat(), "description": role.get("Description", ""),
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "maxSessionDuration": role.get("MaxSessionDuration", 3600),
        "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
    }  # fmt: skip


def _roles(at: Context, args: Mapping[str, Any]) -> Answer:
    path, wanted = str(args.get("pathPrefix") or "/"), re.compile(str(args.get("nameRegex") or ""))
    pages = at.client("iam").get_paginator("list_roles").paginate(PathPrefix=path)
    found = [role for page in pages for role in page["Roles"] if wanted.search(role["RoleName"])]
    return {
        **args, "id": at.region, "names": [role["RoleName"] for role in found], "arns": [role["Arn"] for role in found],
    }  # fmt: skip


def _secret_version(at: Context, args: Mapping[str, Any]) -> Answer:
    secrets = at.client("secretsmanager")
    try:
        answer = secrets.get_secret_value(SecretId=args["secretId"])
    except secrets.exceptions.ResourceNotFoundException as error:
        raise InputError(f"getSecretVersion: the secret {args['secretId']} has no value.") from error
    version = answer["VersionId"]
    return {
        **args, "id": f"{answer['ARN']}|{version}", "arn": answer["ARN"], "versionId": version,
        "secretString": answer["SecretString"], "versionStages": answer["VersionStages"],
    }  # fmt: skip


INVOKES: dict[str, Callable[[Context, Mapping[str, Any]], Answer]] = {
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:iam/getRole:getRole": _role,
    "aws:iam/getRoles:getRoles": _roles,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
}


# Values that are secret in what a function answers.
SECRETS = {"aws:secretsmanager/getSecretVersion:getSecretVersion": frozenset({"secretString"})}


def invoke(at: Context, token: str, args: Mapping[str, Any]) -> Answer:
    """Answer a function call of the program.

    Raises:
        UnsupportedTypeError: the twin does not know the function.
    """
    function = INVOKES.get(token)
    if function is None:
        raise UnsupportedTypeError(
            f"The program calls {token}, which the twin does not know. Known are: {', '.join(sorted(INVOKES))}. "
            "Add it to twin/cloud/invokes.py."
        )
    return function(at, args)
