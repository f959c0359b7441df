"""Rules about the network: who reaches whom, worked out from security groups and their rules."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infra.graph import Graph, Resource

_ENDPOINT_PORT = 443


def nothing_is_public(graph: Graph) -> list[str]:
    """No way in from, or out to, anywhere but another security group."""
    breaches = [
        f"{found.name} leads out" for found in graph.of("InternetGateway", "NatGateway", "EgressOnlyInternetGateway")
    ]
    for found in graph.of("SecurityGroupIngressRule", "SecurityGroupEgressRule"):
        if "referencedSecurityGroupId" not in found.inputs:
            breaches.append(f"{found.name} names no security group")
    for found in graph.of("SecurityGroup", "DefaultSecurityGroup"):
        if found.inputs.get("ingress") or found.inputs.get("egress"):
            breaches.append(f"{found.name} has rules of its own")
    breaches += [
        f"{found.name} is public"
        for found in graph.of("ClusterInstance", "ReplicationInstance", "Subnet")
        if found.inputs.get("publiclyAccessible", found.inputs.get("mapPublicIpOnLaunch", True))
    ]
    return breaches


def rules_are_described(graph: Graph) -> list[str]:
    """A reader of a security group sees what each rule is for."""
    kinds = ("SecurityGroupIngressRule", "SecurityGroupEgressRule", "SecurityGroup")
    return [f"{found.name} has no description" for found in graph.of(*kinds) if not found.inputs.get("description")]


def functions_reach_what_they_call(graph: Graph) -> list[str]:
    """A function in the network gets to the database, the cache and AWS services that it calls, and to no more."""
    breaches = []
    for function in graph.of("Function"):
        if "vpcConfig" not in function.inputs:
            continue
        have, want = set(_reached(graph, function)), set(_called(function))
        breaches += [f"{function.name} cannot reach {what}" for what in want - have]
        breaches += [f"{function.name} need not reach {what}" for what in have - want]
    return breaches


def functions_outside_call_nothing_inside(graph: Graph) -> list[str]:
    """A function that calls the database or the cache stands in the network, any other outside of it."""
    return [
        f"{function.name} is on the wrong side of the network"
        for function in graph.of("Function")
        if ("vpcConfig" in function.inputs) != bool({"database", "cache"}.intersection(_called(function)))
    ]


def paths_open_first(graph: Graph) -> list[str]:
    """Code runs only once the rules that let it through exist."""
    breaches = []
    for one in graph.of("Function", "ReplicationTask"):
        component = one.parent
        for rule in graph.of("SecurityGroupEgressRule", "SecurityGroupIngressRule"):
            if rule.parent == component and not graph.reaches(one, rule):
                breaches.append(f"{one.name} does not wait for {rule.name}")
    return breaches


def _reached(graph: Graph, function: Resource) -> Iterator[str]:
    """Names of what the function's security groups open a way to, on both sides."""
    own = set(function.inputs["vpcConfig"]["securityGroupIds"])
    for egress in graph.of("SecurityGroupEgressRule"):
        if egress.inputs["securityGroupId"] not in own:
            continue
        target, port = egress.inputs["referencedSecurityGroupId"], egress.inputs["toPort"]
        let_in = any(
            rule.inputs["securityGroupId"] == target
            and rule.inputs["referencedSecurityGroupId"] in own
            and rule.inputs["toPort"] == port
            for rule in graph.of("SecurityGroupIngressRule")
        )
        if let_in:
            yield from _behind(graph, target, int(port))


def _behind(graph: Graph, group: str, port: int) -> Iterator[str]:
    """What listens on a port behind a security group."""
    for cluster in graph.of("Cluster"):
        if group in cluster.inputs["vpcSecurityGroupIds"] and port == cluster.inputs["port"]:
            yield "database"
    for nodes in graph.of("ReplicationGroup"):
        if group in nodes.inputs["securityGroupIds"] and port == nodes.inputs["port"]:
            yield "cache"
    for endpoint in graph.of("VpcEndpoint"):
        if group in endpoint.inputs["securityGroupIds"] and port == _ENDPOINT_PORT:
            yield endpoint.inputs["serviceName"].rpartition(".")[2]


def _called(function: Resource) -> Iterator[str]:
    """What the function's code calls in the network, told by its environment."""
    variables = function.inputs["environment"]["variables"]
    if "DATABASE_HOST" in variables:
        yield "database"
    if "CACHE_HOST" in variables:
        yield "cache"
    if any(name.endswith("SECRET_ARN") for name in variables):
        yield "secretsmanager"
