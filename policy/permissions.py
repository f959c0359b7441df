"""Rules about roles: who may take one, and what it may do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from policy.documents import Statement, role_policies, statements
from policy.errors import DocumentError
from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import Unknown, known

# Actions that may stand beside resource "*", and why. "Service Authorization Reference", by service.
WITHOUT_RESOURCE = {
    "ec2:CreateNetworkInterface": "Lambda makes its interfaces before they have an id; denied to the code itself",
    "ec2:DescribeNetworkInterfaces": "knows no resource",
    "ec2:DescribeSubnets": "knows no resource",
    "ec2:DeleteNetworkInterface": "the id is not known when the policy is written; denied to the code itself",
    "ec2:AssignPrivateIpAddresses": "the id is not known when the policy is written; denied to the code itself",
    "ec2:UnassignPrivateIpAddresses": "the id is not known when the policy is written; denied to the code itself",
    "logs:DescribeLogGroups": "knows no resource",
    "xray:PutTraceSegments": "knows no resource",
    "xray:PutTelemetryRecords": "knows no resource",
}
# Policies of AWS's own that may be attached, and why.
ATTACHED = {
    "AmazonDMSVPCManagementRole": "DMS asks for a role of this name with this policy",
    "AmazonDMSCloudWatchLogsRole": "DMS asks for a role of this name with this policy",
    "AmazonAPIGatewayPushToCloudWatchLogs": "API Gateway's account setting asks for it",
}
# Services that take a role on behalf of whatever account asks, and whether they say for whom ("confused deputy").
TRUSTED = {
    "lambda.amazonaws.com": False,
    "dms.amazonaws.com": False,
    "apigateway.amazonaws.com": False,
    "pipes.amazonaws.com": True,
    "scheduler.amazonaws.com": True,
    "events.amazonaws.com": True,
    "vpc-flow-logs.amazonaws.com": True,
    "delivery.logs.amazonaws.com": True,
}
SOURCES = ("aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID")

_REGIONAL = re.compile(r"^(?P<service>[a-z-]+)\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com$")
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY")
_POINTER_NAME = re.compile(r"(_ARNS?|_NAMES?|_ID|_URL|_MAX_AGE(_S)?|_SECONDS|_MS)$")


@rule("iam/role:Role", "iam/policy:Policy", "RolePolicy", do="Name the actions, and the ARNs that they are for")
def roles_have_no_wildcards(graph: Graph, resource: Resource) -> Iterator[str]:
    """Exact actions on exact resources; `*` only for the actions that know no resource, listed with their reasons.

    Source: Security best practices in IAM ("Apply least-privilege permissions")
    """
    for statement in _own(resource):
        if not statement.allows:
            continue
        yield from (f"allows {action}" for action in statement.actions if "*" in action or "?" in action)
        for target in statement.resources:
            # A log group's streams and an API's parameters are parts of what is named before the star.
            if target == "*" or "*" in target.rstrip("*") or _names_nothing(target):
                yield from (
                    f"allows {action} on {target}" for action in statement.actions if action not in WITHOUT_RESOURCE
                )


@rule("iam/role:Role", do="Deny the actions to the code, with the condition lambda:SourceFunctionArn")
def network_rights_are_lambdas_alone(graph: Graph, role: Resource) -> Iterator[str]:
    """What Lambda needs to put a function into the network is denied to the function's own code.

    Source: Giving Lambda functions access to resources in an Amazon VPC ("Required IAM permissions")
    """
    found = list(role_policies(graph, role))
    given = {action for one in found if one.allows for action in one.actions if action.startswith("ec2:")}
    denied = {
        action
        for one in found
        if not one.allows and one.tests("lambda:SourceFunctionArn") and "*" in one.resources
        for action in one.actions
    }
    yield from (f"lets the code itself do {action}" for action in sorted(given - denied))


@rule("RolePolicyAttachment", do="Write a policy of the role's own, with exact actions and ARNs")
def attached_policies_are_known(graph: Graph, attachment: Resource) -> Iterator[str]:
    """Policies of AWS's own only on the roles that AWS asks for, never on a function's."""
    if graph.behind(attachment, "policyArn", "iam/policy:Policy"):
        return
    arn = known(attachment.inputs["policyArn"])
    if arn.rpartition("/")[2] not in ATTACHED:
        yield f"attaches {arn}"
    for role in graph.behind(attachment, "role", "iam/role:Role"):
        if any(graph.users(role, "role", "lambda/function:Function")):
            yield f"attaches {arn} to a function's role"


@rule("iam/role:Role", do="Name the service alone, with the condition aws:SourceAccount where the service gives it")
def roles_are_taken_by_services(graph: Graph, role: Resource) -> Iterator[str]:
    """A role is taken by the services that it is for, on behalf of this account alone where the service says for whom.

    Source: The confused deputy problem (IAM)
    """
    for statement in statements(role.inputs["assumeRolePolicy"]):
        for kind, who in statement.principals.items():
            if kind != "Service":
                yield f"can be taken by {', '.join(who)}"
                continue
            for service in who:
                regional = _REGIONAL.match(service)
                says = TRUSTED.get(f"{regional['service']}.amazonaws.com" if regional else service)
                if says is None:
                    yield f"can be taken by {service}, which policy/permissions.py does not know"
                elif says and not statement.tests(*SOURCES):
                    yield f"can be taken by {service} on anybody's behalf"


@rule("lambda/permission:Permission", do="Give it the sourceArn of what calls the function, down to the call")
def permissions_name_their_source(graph: Graph, permission: Resource) -> Iterator[str]:
    """A function is called by one service, from one place.

    Source: Granting Lambda function access to AWS services
    """
    if known(permission.inputs["principal"]) == "*":
        yield "lets anybody call the function"
    if not permission.given("sourceArn") and not permission.given("sourceAccount"):
        yield "names no source"
    elif permission.given("sourceArn") and known(permission.inputs["sourceArn"]).endswith("/*/*"):
        yield "lets every call of the API through"
    if known(permission.inputs["action"]) != "lambda:InvokeFunction":
        yield f"allows {permission.inputs['action']}"


@rule("lambda/function:Function", do="Put it into a secret, and the secret's ARN into the environment")
def secrets_stay_out_of_environments(graph: Graph, function: Resource) -> Iterator[str]:
    """No password, token or key stands in a function's environment, which everybody reads who may look at functions.

    Source: Working with Lambda environment variables ("Securing Lambda environment variables")
    """
    drawn = graph.behind(function, "environment", "RandomPassword", "RandomBytes", "SecretVersion", "AccessKey")
    yield from (f"has {one.name} in its environment" for one in drawn)
    for name, value in (function.at("environment", "variables") or {}).items():
        if _SECRET_NAME.search(name) and not _POINTER_NAME.search(name) and not _points(value):
            yield f"has something secret in {name}"


def _own(resource: Resource) -> list[Statement]:
    """Statements that stand in the resource itself."""
    if resource.is_a("iam/role:Role"):
        return [one for inline in resource.at("inlinePolicies") or () for one in statements(inline["policy"])]
    return statements(resource.inputs["policy"])


def _names_nothing(arn: str) -> bool:
    """Whether an ARN has nothing but stars behind its account."""
    return arn.startswith("arn:") and not arn.split(":", 5)[-1].strip("*:/")


def _points(value: Any) -> bool:
    """Whether a value of an environment says only where a secret is, or is none: an ARN, a number, a choice."""
    if isinstance(value, Unknown):
        known(value)
    text = str(value)
    if text.startswith("{"):
        try:
            return all(_points(part) for part in json.loads(text).values())
        except ValueError as error:
            raise DocumentError(f"An environment holds {text!r}, which is no JSON.") from error
    return text.startswith("arn:") or text.isdigit() or text in ("", "true", "false")
