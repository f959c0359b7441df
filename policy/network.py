"""Rules about the network's edges: nothing leads in or out, and what is there is spread, logged and described."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import known

_DOORS = ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Eip", "VpcPeeringConnection")
_OPENINGS = ("SecurityGroupIngressRule", "SecurityGroupEgressRule")
_GROUPS = ("SecurityGroup", "DefaultSecurityGroup")
# What stands in the network and can be given a public address, and the input that says so.
_ADDRESSED = {
    "ClusterInstance": "publiclyAccessible",
    "ReplicationInstance": "publiclyAccessible",
    "Subnet": "mapPublicIpOnLaunch",
}
# What takes subnets, and the input that names them.
_SPREAD = {
    "lambda/function:Function": "vpcConfig",
    "rds/subnetGroup:SubnetGroup": "subnetIds",
    "elasticache/subnetGroup:SubnetGroup": "subnetIds",
    "dms/replicationSubnetGroup:ReplicationSubnetGroup": "subnetIds",
    "ec2/vpcEndpoint:VpcEndpoint": "subnetIds",
}
# A zone that fails must leave another.
_LEAST_ZONES = 2


@rule(*_DOORS, *_OPENINGS, *_GROUPS, *_ADDRESSED, "Route", "RouteTable", "ec2/securityGroupRule:SecurityGroupRule",
      do="Take it away; code in the network reaches AWS by endpoints")  # fmt: skip
def nothing_is_public(graph: Graph, resource: Resource) -> Iterator[str]:
    """No way in from, or out to, anywhere but another security group.

    Source: Control traffic to your AWS resources using security groups
    """
    if resource.is_a(*_DOORS, "Route", "ec2/securityGroupRule:SecurityGroupRule"):
        yield "leads out of the network"
    elif resource.is_a("RouteTable"):
        if resource.at("routes"):
            yield "has routes of its own"
    elif resource.is_a(*_OPENINGS):
        if not resource.given("referencedSecurityGroupId"):
            yield "names no security group"
        for name in ("cidrIpv4", "cidrIpv6", "prefixListId"):
            if resource.given(name):
                yield f"names addresses ({name})"
    elif resource.is_a(*_GROUPS):
        if resource.at("ingress") or resource.at("egress"):
            yield "has rules of its own"
    else:
        name = next(name for kind, name in _ADDRESSED.items() if resource.is_a(kind))
        # Whoever leaves it out leaves it to AWS, or to the subnet.
        if resource.inputs.get(name, True):
            yield f"may be public ({name})"


@rule("apigateway/restApi:RestApi", do="Name endpointConfiguration.types")
def api_is_where_it_is_meant(graph: Graph, api: Resource) -> Iterator[str]:
    """The one thing that the world may call says where it stands: in the region, without a distribution before it.

    Source: API endpoint types for REST APIs in API Gateway
    """
    if api.at("endpointConfiguration", "types") not in ("REGIONAL", "PRIVATE", ["REGIONAL"], ["PRIVATE"]):
        yield "leaves it to AWS where it stands"


@rule(*_OPENINGS, "SecurityGroup", do="Give it a description")
def openings_are_described(graph: Graph, resource: Resource) -> Iterator[str]:
    """A reader of a security group sees what each rule is for.

    Source: Security group rules
    """
    if not resource.at("description"):
        yield "has no description"


@rule("ec2/vpc:Vpc", do="Make a subnet in each of two zones or more")
def subnets_are_spread(graph: Graph, vpc: Resource) -> Iterator[str]:
    """Each subnet has a zone of its own, and there are two at least, as Aurora and DMS ask for.

    Source: Working with a DB cluster in a VPC; Setting up a network for a replication instance
    """
    subnets = list(graph.users(vpc, "vpcId", "Subnet"))
    zones = [str(known(subnet.inputs["availabilityZone"])) for subnet in subnets]
    if len(set(zones)) < _LEAST_ZONES:
        yield f"has subnets in {len(set(zones))} zones"
    elif len(set(zones)) < len(zones):
        yield f"has two subnets in one zone ({', '.join(sorted(zones))})"


@rule(*_SPREAD, do="Give it the subnets of two zones or more")
def nothing_stands_in_one_zone(graph: Graph, resource: Resource) -> Iterator[str]:
    """What stands in the network stands in two zones at least, or can be moved to the other.

    Source: Reliability pillar, AWS Well-Architected Framework ("Deploy the workload to multiple locations")
    """
    name = next(name for kind, name in _SPREAD.items() if resource.is_a(kind))
    subnets = graph.behind(resource, name, "Subnet")
    # What names no subnet at all stands elsewhere.
    if resource.given(name) and len(subnets) < _LEAST_ZONES:
        yield f"has {len(subnets)} subnets ({name})"


@rule("ec2/vpc:Vpc", do="Adopt the default group with no rules, and turn on DNS")
def network_starts_closed(graph: Graph, vpc: Resource) -> Iterator[str]:
    """The default security group lets nothing through, and the names of endpoints lead to the endpoints.

    Source: Default security groups for your VPCs; Access an AWS service using an interface VPC endpoint ("Private DNS")
    """
    if not any(graph.users(vpc, "vpcId", "DefaultSecurityGroup")):
        yield "leaves the default security group as AWS makes it"
    for name in ("enableDnsSupport", "enableDnsHostnames"):
        if not vpc.at(name):
            yield f"leaves {name} off"


@rule("ec2/vpc:Vpc", do="Make an ec2.FlowLog for it, to a log group with retention")
def network_is_logged(graph: Graph, vpc: Resource) -> Iterator[str]:
    """Where a database is that must not be lost, who was turned away in its network can be read afterwards.

    Source: Logging IP traffic using VPC Flow Logs
    """
    protected = any(cluster.at("deletionProtection") for cluster in graph.of("rds/cluster:Cluster"))
    if protected and not any(graph.users(vpc, "vpcId", "FlowLog")):
        yield "has no flow log"
