"""Rules about ways through the network: everyone reaches exactly what it calls."""

from __future__ import annotations

from collections.abc import Iterator

from policy.documents import statements
from policy.graph import Graph, Resource
from policy.reach import CACHE, DATABASE, called, listeners, paths, permitted, ports, walls
from policy.rule import rule
from policy.unknown import known

_CALLERS = ("lambda/function:Function", "dms/replicationInstance:ReplicationInstance")
_OPENINGS = ("SecurityGroupIngressRule", "SecurityGroupEgressRule")


@rule(*_CALLERS, do="Open the path, or close it: a rule of the one's security group, one of the other's, an endpoint")
def code_reaches_what_it_calls(graph: Graph, resource: Resource) -> Iterator[str]:
    """A function in the network gets to the database, the cache and the services that it calls, and to no more.

    So does an instance of DMS.

    Source: Giving Lambda functions access to resources in an Amazon VPC; Configuring VPC endpoints for AWS DMS
    """
    if not _inside(graph, resource):
        return
    have, want = {path.what for path in paths(graph, resource)}, called(graph, resource)
    yield from (f"cannot reach {what}" for what in sorted(want - have))
    yield from (f"need not reach {what}" for what in sorted(have - want))


@rule(*_CALLERS, do="Give the role what the environment says that the code calls, and no more")
def rights_match_what_is_called(graph: Graph, resource: Resource) -> Iterator[str]:
    """What the role of a function allows is what the function's environment lets it find, and the other way round."""
    rights, want = permitted(graph, resource), called(graph, resource)
    for what in sorted(set(rights) - want):
        yield f"may call {', '.join(sorted(rights[what]))}, and has no {what} in its environment"
    # Logging in with a password takes no right.
    yield from (f"calls {what} without any right" for what in sorted(want - set(rights) - {DATABASE, CACHE}))


@rule("lambda/function:Function", do="Give it a vpcConfig, or take it away")
def functions_stand_where_they_need(graph: Graph, function: Resource) -> Iterator[str]:
    """A function that calls the database or the cache stands in the network, any other outside of it.

    Source: Configuring a Lambda function to access resources in a VPC
    """
    needs = not called(graph, function).isdisjoint((DATABASE, CACHE))
    if needs != _inside(graph, function):
        yield "stands outside the network" if needs else "stands in the network for nothing"


@rule("VpcEndpoint", do="Name in the endpoint's policy the actions of those who call through it")
def endpoints_let_their_callers_through(graph: Graph, endpoint: Resource) -> Iterator[str]:
    """An endpoint's policy allows exactly the actions of the roles that reach it, and somebody does reach it.

    Source: Control access to VPC endpoints using endpoint policies
    """
    callers = [one for one in graph.of(*_CALLERS) if any(path.target is endpoint for path in paths(graph, one))]
    if not callers:
        yield "is reached by nobody"
    service = known(endpoint.inputs["serviceName"]).split(".", 3)[-1]
    want = {action for one in callers for action in permitted(graph, one).get(service, ())}
    found = [one for one in statements(endpoint.inputs.get("policy", '{"Statement": []}')) if one.allows]
    have = {action for one in found for action in one.actions}
    for action in sorted(want):
        if not any(one.takes(action) for one in found):
            yield f"does not let {action} through"
    yield from (f"lets {action} through, which nobody there may call" for action in sorted(have - want))


@rule(*_OPENINGS, do="Open one TCP port on both sides, to something that listens there, or take the rule away")
def openings_lead_somewhere(graph: Graph, opening: Resource) -> Iterator[str]:
    """A rule of a security group opens one port, has its counterpart on the other side, and something listens there."""
    first, last = ports(opening)
    if first != last or known(opening.inputs.get("ipProtocol")) != "tcp":
        yield "opens more than one TCP port"
        return
    outward = opening.is_a("SecurityGroupEgressRule")
    counterpart = _OPENINGS[0] if outward else _OPENINGS[1]
    for own in graph.behind(opening, "securityGroupId", "SecurityGroup"):
        for other in graph.behind(opening, "referencedSecurityGroupId", "SecurityGroup"):
            matching = [
                one
                for one in graph.users(other, "securityGroupId", counterpart)
                if own in graph.behind(one, "referencedSecurityGroupId", "SecurityGroup")
                and ports(one) == (first, last)
            ]
            if not matching:
                yield f"has no counterpart on {other.name}"
            if not any(listeners(graph, other if outward else own, first)):
                yield f"opens {first}, where nothing listens"


@rule("lambda/function:Function", "ReplicationTask", do="Let it depend on the rules of the security groups")
def paths_open_first(graph: Graph, resource: Resource) -> Iterator[str]:
    """Code runs only once the rules that let it through exist, and these go only after it."""
    instances = graph.behind(resource, "replicationInstanceArn", "ReplicationInstance")
    for start in instances if resource.is_a("ReplicationTask") else [resource]:
        for path in paths(graph, start):
            for opening in (path.egress, path.ingress):
                if not graph.reaches(resource, opening):
                    yield f"does not wait for {opening.name}"


def _inside(graph: Graph, resource: Resource) -> bool:
    return resource.is_a("ReplicationInstance") or bool(walls(graph, resource)) or bool(resource.at("vpcConfig"))
