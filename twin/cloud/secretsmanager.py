"""Secrets and their values, real in the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Kind, Made, Problem, Request, Resource, outputs, tags
from twin.cloud.services import create_or_adopt, gone_is_fine, is_there


def _create(at: Context, request: Request) -> Made:
    secrets, inputs = at.client("secretsmanager"), request.inputs
    name = text(inputs, "name")
    optional = {"Description": inputs.get("description"), "KmsKeyId": inputs.get("kmsKeyId")}
    create_or_adopt(
        lambda: secrets.create_secret(
            Name=name,
            Tags=[{"Key": key, "Value": value} for key, value in tags(inputs).items()],
            **{key: value for key, value in optional.items() if value},
        )
    )
    _clear_empty_version(secrets, name)
    return _made(at, request, secrets.describe_secret(SecretId=name)["ARN"])


def _clear_empty_version(secrets: Any, name: str) -> None:
    """Make a secret without value answer as on AWS (ResourceNotFoundException), not with an empty version."""
    try:
        current = secrets.get_secret_value(SecretId=name)
    except secrets.exceptions.ResourceNotFoundException:
        return
    if "SecretString" not in current and "SecretBinary" not in current:
        version = current["VersionId"]
        secrets.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=version)


def _made(at: Context, request: Request, arn: str) -> Made:
    if request.inputs.get("policy"):
        at.client("secretsmanager").put_resource_policy(SecretId=arn, ResourcePolicy=text(request.inputs, "policy"))
    return Made(arn, outputs(at, request.inputs, arn=arn, replicas=request.inputs.get("replicas") or []))


def _update(at: Context, old: Resource, request: Request) -> Made:
    if request.inputs.get("description") != old.inputs.get("description"):
        description = str(request.inputs.get("description") or "")
        at.client("secretsmanager").update_secret(SecretId=old.id, Description=description)
    return _made(at, request, old.id)


def _delete(at: Context, resource: Resource) -> None:
    # No recovery window here: the name is free again at once, so the same program can be run anew.
    with gone_is_fine():
        at.client("secretsmanager").delete_secret(SecretId=resource.id, ForceDeleteWithoutRecovery=True)


def _exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("secretsmanager").describe_secret(SecretId=resource.id))


def _check_version(request: Request) -> Iterator[Problem]:
    if request.inputs.get("secretString", request.inputs.get("secretStringWo")) is None:
        yield Problem("secretString", "secretString is missing; a binary secret is not made by the twin.")


def _create_version(at: Context, request: Request) -> Made:
    inputs = request.inputs
    secret = text(inputs, "secretId")
    value = inputs.get("secretString", inputs.get("secretStringWo"))
    answer = at.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=str(value))
    version = answer["VersionId"]
    kept = {prop: item for prop, item in inputs.items() if prop != "secretStringWo"}
    computed = {"arn": answer["ARN"], "versionId": version, "versionStages": ["AWSCURRENT"]}
    return Made(f"{answer['ARN']}|{version}", outputs(at, kept, **computed))


def _update_version(at: Context, old: Resource, request: Request) -> Made:
    # A new value is a new version, hence a new resource; all else about a version is recorded.
    kept = {prop: item for prop, item in request.inputs.items() if prop != "secretStringWo"}
    computed = {prop: old.outputs[prop] for prop in ("arn", "versionId", "versionStages")}
    return Made(old.id, outputs(at, kept, **computed))


def _version_exists(at: Context, resource: Resource) -> bool:
    secret, version = resource.outputs["arn"], resource.outputs["versionId"]
    return is_there(lambda: at.client("secretsmanager").get_secret_value(SecretId=secret, VersionId=version))


KINDS = (
    Kind(
        typ="aws:secretsmanager/secret:Secret",
        create=_create, update=_update, delete=_delete, exists=_exists,
        named_by="name", name_limit=512,
        differs="Deleted at once, whatever its recovery window is; replicas and rotation are recorded.",
    ),
    Kind(
        typ="aws:secretsmanager/secretVersion:SecretVersion",
        create=_create_version, update=_update_version, exists=_version_exists, check=_check_version,
        secret_outputs=frozenset({"secretString", "secretBinary"}),
        differs="Old versions stay as AWSPREVIOUS until the secret goes.",
    ),
)  # fmt: skip
