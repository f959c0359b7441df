"""Rules about who may do what, and about encryption."""

from __future__ import annotations

import json
from typing import Any

from infra.policies import WITHOUT_RESOURCE
from tests.infra.graph import Graph


def roles_have_no_wildcards(graph: Graph) -> list[str]:
    """Exact actions on exact resources; `*` only for the actions that know no resource."""
    breaches = []
    for policy in graph.of("RolePolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            actions = _listed(statement["Action"])
            breaches += [f"{policy.name} allows {action}" for action in actions if "*" in action]
            # A log group's streams and an API's parameters are parts of what is named before the star.
            if any(resource == "*" or "*" in resource.rstrip("*") for resource in _listed(statement["Resource"])):
                breaches += [
                    f"{policy.name} allows {action} on everything"
                    for action in actions
                    if action not in WITHOUT_RESOURCE
                ]
    return breaches


def attached_policies_are_known(graph: Graph) -> list[str]:
    """Policies of AWS's own only on the roles that AWS asks for, never on a function's."""
    return [
        f"{found.name} attaches {found.inputs['policyArn']}"
        for found in graph.of("RolePolicyAttachment")
        if not graph.by_urn(found.parent).type.endswith(":AccountSettings")
    ]


def resource_policies_are_closed(graph: Graph) -> list[str]:
    """Nobody but the named, or, at an endpoint, but own credentials."""
    breaches = []
    for found in graph.of("QueuePolicy", "TopicPolicy", "Key", "VpcEndpoint"):
        for statement in json.loads(found.inputs["policy"])["Statement"]:
            condition = json.dumps(statement.get("Condition", {}))
            if statement["Principal"] == "*" and "aws:PrincipalAccount" not in condition:
                breaches.append(f"{found.name} is open to anybody")
            if "Service" in statement["Principal"] and "aws:Source" not in condition:
                breaches.append(f"{found.name} is open to a service on anybody's behalf")
    return breaches


def data_are_encrypted(graph: Graph) -> list[str]:
    """Everything that keeps data keeps them encrypted."""
    needed = {
        "Queue": "sqsManagedSseEnabled",
        "sns/topic:Topic": "kmsMasterKeyId",
        "Stream": "kmsKeyId",
        "Cluster": "storageEncrypted",
        "ReplicationGroup": "atRestEncryptionEnabled",
    }
    return [
        f"{found.name} is not encrypted ({key})"
        for kind, key in needed.items()
        for found in graph.of(kind)
        if not found.inputs.get(key)
    ]


def connections_are_encrypted(graph: Graph) -> list[str]:
    """TLS to the database and the cache, for functions and DMS alike."""
    breaches = [
        f"{found.name} takes connections without TLS"
        for found in graph.of("ReplicationGroup")
        if not found.inputs.get("transitEncryptionEnabled")
    ]
    for found in graph.of("ClusterParameterGroup"):
        values = {each["name"]: each["value"] for each in found.inputs["parameters"]}
        if values.get("rds.force_ssl") != "1":
            breaches.append(f"{found.name} does not ask for TLS")
    breaches += [
        f"{found.name} connects without TLS"
        for found in graph.of("dms/endpoint:Endpoint")
        if found.inputs["endpointType"] == "source" and found.inputs["sslMode"] == "none"
    ]
    return breaches


def calls_are_authorized(graph: Graph) -> list[str]:
    """No call of the API gets by the authorizer, and no other API may use the functions."""
    breaches = [
        f"{found.name} lets anybody in"
        for found in graph.of("apigateway/method:Method")
        if found.inputs["authorization"] != "CUSTOM" or "authorizerId" not in found.inputs
    ]
    breaches += [
        f"{found.name} names no source"
        for found in graph.of("lambda/permission:Permission")
        if not found.inputs.get("sourceArn") or found.inputs["sourceArn"].endswith("/*/*")
    ]
    return breaches


def provider_is_ours(graph: Graph) -> list[str]:
    """Everything on AWS goes through the one provider that guards account and region and sets the tags."""
    [provider] = graph.of("pulumi:providers:aws")
    return [
        f"{found.name} goes by the default provider"
        for found in graph.resources
        if found.type.startswith("aws:") and not str(found.options.get("provider")).startswith(provider.urn)
    ]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
