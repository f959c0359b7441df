"""Breaches of the rules about the network and the paths in it."""

from __future__ import annotations

from policy import network, paths
from policy.rule import Rule
from tests.infra.breaks import Break, add, allow, change, document, remove, unlink

FUNCTION, VARIABLES = "lambda/function:Function", "environment.variables"
NOTHING = '{"Statement": []}'
SUBNET = "aws:ec2/subnet:Subnet"
INSTANCE = "dms/replicationInstance:ReplicationInstance"


NETWORK: list[tuple[Rule, Break]] = [
    (network.nothing_is_public, add("aws:ec2/natGateway:NatGateway")),
    (network.nothing_is_public, add("aws:ec2/route:Route", destinationCidrBlock="0.0.0.0/0")),
    (network.nothing_is_public, add("aws:ec2/routeTable:RouteTable", routes=[{"cidrBlock": "0.0.0.0/0"}])),
    (
        network.nothing_is_public,
        change("SecurityGroupIngressRule", referencedSecurityGroupId=None, cidrIpv4="0.0.0.0/0"),
    ),
    (network.nothing_is_public, change("SecurityGroup", "database-group", ingress=[{"fromPort": 5432}])),
    (network.nothing_is_public, change("ClusterInstance", publiclyAccessible=True)),
    (network.nothing_is_public, change("ClusterInstance", publiclyAccessible=None)),
    (network.nothing_is_public, change(INSTANCE, publiclyAccessible=True)),
    (network.nothing_is_public, change("Subnet", mapPublicIpOnLaunch=True)),
    (network.api_is_where_it_is_meant, change("RestApi", endpointConfiguration=None)),
    (network.openings_are_described, change("SecurityGroupEgressRule", description=None)),
    (network.subnets_are_spread, change("Subnet", "network-private-1", availabilityZone="eu-central-1b")),
    (network.subnets_are_spread, remove("Subnet", "network-private-1")),
    (network.subnets_are_spread, add(SUBNET, {"vpcId": ("Vpc", "network-vpc")}, availabilityZone="eu-central-1a")),
    (network.nothing_stands_in_one_zone, remove("Subnet", "network-private-1")),
    (network.nothing_stands_in_one_zone, change("rds/subnetGroup:SubnetGroup", subnetIds=["subnet-1"])),
    (network.network_starts_closed, remove("DefaultSecurityGroup")),
    (network.network_starts_closed, change("Vpc", enableDnsHostnames=False)),
    (network.network_is_logged, change("rds/cluster:Cluster", deletionProtection=True)),
    (paths.code_reaches_what_it_calls, remove("SecurityGroupIngressRule", "database-from-place-order")),
    (paths.code_reaches_what_it_calls, remove("SecurityGroupEgressRule", "migrate-to-secretsmanager")),
    (paths.code_reaches_what_it_calls, change("SecurityGroupIngressRule", "cache-from-get-client", toPort=6380)),
    (paths.code_reaches_what_it_calls, change(FUNCTION, "get-client-function", environment={"variables": {}})),
    (paths.code_reaches_what_it_calls, remove("SecurityGroupEgressRule", "capture-to-kinesis-streams")),
    (paths.code_reaches_what_it_calls, change("VpcEndpoint", "network-secretsmanager", privateDnsEnabled=False)),
    (paths.code_reaches_what_it_calls, change("Cluster", port=5433)),
    (paths.rights_match_what_is_called, change(FUNCTION, "authorize-function", environment={"variables": {}})),
    (
        paths.rights_match_what_is_called,
        document("RolePolicy", "place-order-policy", allow(["sns:Publish"], "arn:aws:sns:eu-central-1:111122223333:a")),
    ),
    (
        paths.rights_match_what_is_called,
        document("RolePolicy", "authorize-policy", lambda statements: statements.clear()),
    ),
    (paths.functions_stand_where_they_need, change(FUNCTION, "get-client-function", vpcConfig=None)),
    (paths.functions_stand_where_they_need, change(FUNCTION, "authorize-function", vpcConfig={"subnetIds": ["a"]})),
    (
        paths.endpoints_let_their_callers_through,
        document("VpcEndpoint", "network-secretsmanager", lambda statements: statements.clear()),
    ),
    (
        paths.endpoints_let_their_callers_through,
        document("VpcEndpoint", "network-kinesis-streams", allow(["kinesis:DeleteStream"])),
    ),
    (paths.endpoints_let_their_callers_through, remove("SecurityGroupEgressRule", "capture-to-kinesis-streams")),
    (
        paths.endpoints_let_their_callers_through,
        add("aws:ec2/vpcEndpoint:VpcEndpoint", serviceName="com.amazonaws.eu-central-1.sqs", policy=NOTHING),
    ),
    (paths.openings_lead_somewhere, change("SecurityGroupIngressRule", "database-from-place-order", toPort=65535)),
    (paths.openings_lead_somewhere, change("SecurityGroupIngressRule", "database-from-place-order", ipProtocol="-1")),
    (paths.openings_lead_somewhere, remove("SecurityGroupEgressRule", "place-order-to-database")),
    (paths.openings_lead_somewhere, remove("Cluster")),
    (paths.paths_open_first, unlink(FUNCTION, "place-order-function")),
    (paths.paths_open_first, unlink("ReplicationTask", of="Security")),
]  # fmt: skip
