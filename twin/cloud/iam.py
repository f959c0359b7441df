"""IAM roles and policies, real in the emulator, so that they can be enforced there."""

from __future__ import annotations

import json
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.errors import InputError
from twin.cloud.kind import Inputs, Kind, Made, Request, Resource, outputs, tags
from twin.cloud.services import completing, create_or_adopt, gone_is_fine, is_there

# "IAM and AWS STS quotas": versions of a managed policy that are kept.
POLICY_VERSIONS = 5
DEFAULT_SESSION_S = 3600


def document(inputs: Inputs, prop: str, owner: str) -> str:
    """Give a policy document as JSON text.

    Raises:
        InputError: it is not JSON.
    """
    value: Any = inputs.get(prop)
    if isinstance(value, dict):
        return json.dumps(value)
    try:
        json.loads(str(value))
    except ValueError as error:
        raise InputError(f"{owner}: {prop} is not JSON: {error}.") from error
    return str(value)


def _tags(inputs: Inputs) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags(inputs).items()]


def _create_role(at: Context, request: Request) -> Made:
    iam, inputs, name = at.client("iam"), request.inputs, text(request.inputs, "name")
    optional = {"Description": inputs.get("description"), "PermissionsBoundary": inputs.get("permissionsBoundary")}
    trust = document(inputs, "assumeRolePolicy", _owner(request))
    created = create_or_adopt(
        lambda: iam.create_role(
            RoleName=name,
            Path=inputs.get("path") or "/",
            AssumeRolePolicyDocument=trust,
            MaxSessionDuration=int(inputs.get("maxSessionDuration") or DEFAULT_SESSION_S),
            Tags=_tags(inputs),
            **{key: value for key, value in optional.items() if value},
        )
    )
    with completing(lambda: _described(at, request)):
        if not created:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        return _role(at, request)


def _update_role(at: Context, old: Resource, request: Request) -> Made:
    iam, inputs = at.client("iam"), request.inputs
    trust = document(inputs, "assumeRolePolicy", _owner(request))
    iam.update_assume_role_policy(RoleName=old.id, PolicyDocument=trust)
    iam.update_role(
        RoleName=old.id,
        Description=inputs.get("description") or "",
        MaxSessionDuration=int(inputs.get("maxSessionDuration") or DEFAULT_SESSION_S),
    )
    kept = {entry["name"] for entry in inputs.get("inlinePolicies") or [] if entry.get("name")}
    for entry in old.inputs.get("inlinePolicies") or []:
        if entry.get("name") and entry["name"] not in kept:
            with gone_is_fine():
                iam.delete_role_policy(RoleName=old.id, PolicyName=entry["name"])
    for arn in set(old.inputs.get("managedPolicyArns") or []) - set(inputs.get("managedPolicyArns") or []):
        with gone_is_fine():
            iam.detach_role_policy(RoleName=old.id, PolicyArn=arn)
    return _role(at, request)


def _role(at: Context, request: Request) -> Made:
    iam, inputs, name = at.client("iam"), request.inputs, text(request.inputs, "name")
    for entry in inputs.get("inlinePolicies") or []:
        if entry.get("name"):
            policy = document(entry, "policy", _owner(request))
            iam.put_role_policy(RoleName=name, PolicyName=entry["name"], PolicyDocument=policy)
    for arn in inputs.get("managedPolicyArns") or []:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return _described(at, request)


def _described(at: Context, request: Request) -> Made:
    iam, inputs, name = at.client("iam"), request.inputs, text(request.inputs, "name")
    role = iam.get_role(RoleName=name)["Role"]
    computed = {"arn": role["Arn"], "uniqueId": role["RoleId"], "createDate": role["CreateDate"].isoformat()}
    return Made(name, outputs(at, inputs, **computed))


def _delete_role(at: Context, resource: Resource) -> None:
    iam, name = at.client("iam"), resource.id
    with gone_is_fine():
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=name)


def _put_role_policy(at: Context, request: Request) -> Made:
    role, name = text(request.inputs, "role"), text(request.inputs, "name")
    policy = document(request.inputs, "policy", _owner(request))
    at.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return Made(f"{role}:{name}", outputs(at, request.inputs))


def _delete_role_policy(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("iam").delete_role_policy(
            RoleName=text(resource.inputs, "role"), PolicyName=text(resource.outputs, "name")
        )


def _create_policy(at: Context, request: Request) -> Made:
    iam, inputs, name = at.client("iam"), request.inputs, text(request.inputs, "name")
    policy, path = document(inputs, "policy", _owner(request)), str(inputs.get("path") or "/")
    arn = at.arn("iam", f"policy{path}{name}", regional=False)
    if not create_or_adopt(
        lambda: iam.create_policy(PolicyName=name, Path=path, PolicyDocument=policy, Tags=_tags(inputs))
    ):
        _set_policy(iam, arn, policy)
    return Made(arn, outputs(at, inputs, arn=arn, policyId=f"ANPA{request.hex(17).upper()}"))


def _update_policy(at: Context, old: Resource, request: Request) -> Made:
    _set_policy(at.client("iam"), old.id, document(request.inputs, "policy", _owner(request)))
    return Made(old.id, outputs(at, request.inputs, arn=old.id, policyId=old.outputs["policyId"]))


def _set_policy(iam: Any, arn: str, policy: str) -> None:
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    if len(versions) >= POLICY_VERSIONS:
        oldest = min(
            (entry for entry in versions if not entry["IsDefaultVersion"]), key=lambda entry: entry["CreateDate"]
        )
        iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy, SetAsDefault=True)


def _delete_policy(at: Context, resource: Resource) -> None:
    iam = at.client("iam")
    with gone_is_fine():
        for version in iam.list_policy_versions(PolicyArn=resource.id)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=resource.id, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=resource.id)


def _attach(at: Context, request: Request) -> Made:
    role, arn = text(request.inputs, "role"), text(request.inputs, "policyArn")
    at.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return Made(f"{role}-{request.hex(26)}", outputs(at, request.inputs))


def _detach(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("iam").detach_role_policy(
            RoleName=text(resource.inputs, "role"), PolicyArn=text(resource.inputs, "policyArn")
        )


def _owner(request: Request) -> str:
    return f"{request.typ} {request.name!r}"


KINDS = (
    Kind(
        typ="aws:iam/role:Role",
        create=_create_role, update=_update_role, delete=_delete_role,
        exists=lambda at, resource: is_there(lambda: at.client("iam").get_role(RoleName=resource.id)),
        named_by="name", name_limit=64,
    ),
    Kind(
        typ="aws:iam/rolePolicy:RolePolicy",
        create=_put_role_policy, update=lambda at, _, request: _put_role_policy(at, request),
        delete=_delete_role_policy, named_by="name", name_limit=128, identity=frozenset({"role", "name"}),
    ),
    Kind(
        typ="aws:iam/policy:Policy",
        create=_create_policy, update=_update_policy, delete=_delete_policy,
        exists=lambda at, resource: is_there(lambda: at.client("iam").get_policy(PolicyArn=resource.id)),
        named_by="name", name_limit=128,
    ),
    Kind(
        typ="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        create=_attach, delete=_detach, identity=frozenset({"role", "policyArn"}),
    ),
)  # fmt: skip
