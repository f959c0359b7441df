"""Who reaches whom in the network, worked out from security groups and their rules.

A path from one to another is open when a group of the one has an egress rule to a group of the other,
the other's group has the ingress rule to match, and the other listens on the port.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policy.documents import allowed
from policy.graph import Graph, Resource
from policy.unknown import known

HTTPS = 443
DATABASE, CACHE = "database", "cache"
# What stands in the network, and the input that names its security groups.
_WALLS = {
    "lambda/function:Function": "vpcConfig",
    "dms/replicationInstance:ReplicationInstance": "vpcSecurityGroupIds",
    "rds/cluster:Cluster": "vpcSecurityGroupIds",
    "elasticache/replicationGroup:ReplicationGroup": "securityGroupIds",
    "ec2/vpcEndpoint:VpcEndpoint": "securityGroupIds",
}
# Actions that Lambda itself takes with a function's role, outside of the function's network: it polls the event
# source, writes logs and traces, and makes the network interfaces ("Lambda execution role", "VPC networking").
_BY_LAMBDA = {
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"),
    *("logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
    *("ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
}
# Rights that a token needs which is signed in the function itself, and what they log in to.
_LOGINS = {"rds-db:connect": DATABASE, "elasticache:Connect": CACHE}
# What an environment may be made from, and what code that has it calls.
_FOUND = {
    "rds/cluster:Cluster": DATABASE,
    "elasticache/replicationGroup:ReplicationGroup": CACHE,
    "secretsmanager/secret:Secret": "secretsmanager",
    "dynamodb/table:Table": "dynamodb",
    "sesv2/configurationSet:ConfigurationSet": "email",
    "sesv2/emailIdentity:EmailIdentity": "email",
    "kinesis/stream:Stream": "kinesis-streams",
    "sqs/queue:Queue": "sqs",
    "sns/topic:Topic": "sns",
}
# The same told by names, for what comes from configuration, or out of something else.
_NAMED = {"DATABASE_HOST": DATABASE, "CACHE_HOST": CACHE, "MAIL_SENDER": "email"}
# Service in the name of an endpoint, by service in the names of actions, where they differ.
_ENDPOINT_NAMES = {"kinesis": "kinesis-streams", "ses": "email"}


@dataclass(frozen=True)
class Path:
    """One open path: where it leads, and the two rules that open it."""

    target: Resource
    what: str
    egress: Resource
    ingress: Resource


def walls(graph: Graph, resource: Resource) -> list[Resource]:
    """Security groups of a resource."""
    name = next((name for kind, name in _WALLS.items() if resource.is_a(kind)), "")
    return graph.behind(resource, name, "SecurityGroup", "DefaultSecurityGroup")


def paths(graph: Graph, start: Resource) -> Iterator[Path]:
    """Open paths of a resource in the network."""
    for group in walls(graph, start):
        for egress in graph.users(group, "securityGroupId", "SecurityGroupEgressRule"):
            for other in graph.behind(egress, "referencedSecurityGroupId", "SecurityGroup"):
                for ingress in graph.users(other, "securityGroupId", "SecurityGroupIngressRule"):
                    fits = ports(ingress) == ports(egress)
                    if fits and group in graph.behind(ingress, "referencedSecurityGroupId", "SecurityGroup"):
                        for target, what in listeners(graph, other, ports(egress)[1]):
                            yield Path(target, what, egress, ingress)


def ports(rule: Resource) -> tuple[int, int]:
    """First and last port of a rule of a security group; all of them where it names none."""
    first, last = rule.at("fromPort"), rule.at("toPort")
    return (0, 65535) if first is None or last is None else (int(first), int(last))


def listeners(graph: Graph, group: Resource, port: int) -> Iterator[tuple[Resource, str]]:
    """What listens on a port behind a security group: the database, the cache, or an endpoint's service."""
    for found in graph.of(*_WALLS):
        if group not in walls(graph, found):
            continue
        if found.is_a("rds/cluster:Cluster") and port == int(found.inputs.get("port", 5432)):
            yield found, DATABASE
        if found.is_a("ReplicationGroup") and port == int(found.inputs.get("port", 6379)):
            yield found, CACHE
        if found.is_a("VpcEndpoint") and port == HTTPS and found.at("privateDnsEnabled"):
            yield found, known(found.inputs["serviceName"]).split(".", 3)[-1]


def called(graph: Graph, resource: Resource) -> set[str]:
    """What a function's code calls, told by its environment; what an instance of DMS does, told by its tasks."""
    if resource.is_a("dms/replicationInstance:ReplicationInstance"):
        return {what for endpoint in tasked(graph, resource) for what in _replicated(endpoint)}
    variables = resource.at("environment", "variables") or {}
    found = {_NAMED[name] for name in variables if name in _NAMED}
    found |= {what for kind, what in _FOUND.items() if graph.behind(resource, "environment", kind)}
    return found | {"secretsmanager" for name in variables if "SECRET" in name}


def permitted(graph: Graph, resource: Resource) -> dict[str, set[str]]:
    """Actions that a role lets code in the network take, by what they need a path to."""
    found: dict[str, set[str]] = {}
    for role in roles(graph, resource):
        for action in allowed(graph, role) - _BY_LAMBDA:
            service = action.partition(":")[0]
            what = _LOGINS.get(action) or _ENDPOINT_NAMES.get(service, service)
            found.setdefault(what, set()).add(action)
    return found


def roles(graph: Graph, resource: Resource) -> list[Resource]:
    """Roles by whose rights something in the network calls AWS."""
    if resource.is_a("dms/replicationInstance:ReplicationInstance"):
        names = ("secretsManagerAccessRoleArn", "serviceAccessRole", "kinesisSettings")
        endpoints = tasked(graph, resource)
        return [role for one in endpoints for name in names for role in graph.behind(one, name, "iam/role:Role")]
    return graph.behind(resource, "role", "iam/role:Role")


def tasked(graph: Graph, instance: Resource) -> list[Resource]:
    """Endpoints of the tasks that run on an instance of DMS."""
    sides = ("sourceEndpointArn", "targetEndpointArn")
    tasks = list(graph.users(instance, "replicationInstanceArn", "ReplicationTask"))
    return [found for task in tasks for side in sides for found in graph.behind(task, side, "dms/endpoint:Endpoint")]


def _replicated(endpoint: Resource) -> Iterator[str]:
    if endpoint.given("secretsManagerArn"):
        yield "secretsmanager"
    yield "kinesis-streams" if known(endpoint.inputs["engineName"]) == "kinesis" else DATABASE
