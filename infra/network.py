"""The network: private subnets and nothing that leads out of them.

No internet gateway, no NAT gateway. What code in the network calls of AWS, and only that, has an
endpoint: Secrets Manager (the migrate function, DMS, and functions that log in with a secret) and
Kinesis (DMS). IAM tokens for the database and the cache are signed in the function, and Lambda
itself takes care of logs, traces, queues and invocations.

`flowLogs` says whether connections are logged; nothing but refused ones is news in a network like this.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.access import Placement, Reach, security_group
from infra.shared import Shared

_HTTPS = 443
# Bits that a subnet's prefix is longer than the network's: room for 16 subnets.
_SUBNET_BITS = 4
_TRAFFIC = {"rejected": "REJECT", "all": "ALL"}
# Service in the endpoint's name, and the most that anybody's role in the network allows of it.
_ENDPOINTS = {"secretsmanager": policies.fill_secret, "kinesis-streams": policies.write_stream}


def subnet_blocks(network: str, count: int) -> list[str]:
    """Cut the first `count` subnets out of a network.

    Raises:
        ValueError: the network is too small.
    """
    blocks = [str(block) for block in ipaddress.IPv4Network(network).subnets(prefixlen_diff=_SUBNET_BITS)]
    return blocks[:count]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network is made of."""

    shared: Shared


class Network(pulumi.ComponentResource):
    """A VPC with one private subnet a zone, and endpoints for two services.

    Attributes:
        placement: where to put something.
        secrets: way to Secrets Manager.
        streams: way to Kinesis.
    """

    placement: Placement
    vpc_id: pulumi.Output[str]
    secrets: Reach
    streams: Reach

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:network:Network", name, None, opts)
        self._name, self._args = name, args
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.shared.config.vpc_cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": args.shared.names.prefix},
            opts=child,
        )
        # Adopted only to take its rules away: whatever lands in it by mistake can talk to nobody.
        default_group = aws.ec2.DefaultSecurityGroup(
            f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=child
        )
        zones = args.shared.place.zones
        blocks = subnet_blocks(args.shared.config.vpc_cidr, len(zones))
        subnets = [
            aws.ec2.Subnet(
                f"{name}-private-{number}",
                vpc_id=vpc.id,
                cidr_block=block,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={"Name": args.shared.names.named(f"private-{number}")},
                opts=child,
            )
            for number, (zone, block) in enumerate(zip(zones, blocks, strict=True), start=1)
        ]
        self.vpc_id = vpc.id
        self.placement = Placement(vpc.id, [subnet.id for subnet in subnets], default_group.id)
        self.secrets = self._endpoint("secretsmanager")
        self.streams = self._endpoint("kinesis-streams")
        if args.shared.config.flow_logs != "none":
            self._flow_log(_TRAFFIC[args.shared.config.flow_logs])
        self.register_outputs({"vpc_id": vpc.id, "subnet_ids": self.placement.subnet_ids})

    def _endpoint(self, service: str) -> Reach:
        args, name = self._args, f"{self._name}-{service}"
        group = security_group(
            args.shared.names.named(service),
            f"Endpoint of {service}",
            self.vpc_id,
            logical=f"{name}-group",
            parent=self,
        )
        endpoint = aws.ec2.VpcEndpoint(
            name,
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{args.shared.place.region}.{service}",
            vpc_endpoint_type="Interface",
            subnet_ids=self.placement.subnet_ids,
            security_group_ids=[group.id],
            private_dns_enabled=True,
            policy=args.shared.place.account.apply(
                lambda account: policies.endpoint_policy(_ENDPOINTS[service]("*")["Action"], account)
            ),
            tags={"Name": args.shared.names.named(service)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return Reach(service, group.id, _HTTPS, behind=[endpoint])

    def _flow_log(self, traffic: str) -> None:
        name, args, child = f"{self._name}-flow", self._args, pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=args.shared.names.flow_log_group,
            retention_in_days=args.shared.config.log_retention_days,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=args.shared.names.role("flow_logs"),
            description=f"Flow logs of {args.shared.names.prefix}",
            assume_role_policy=args.shared.place.account.apply(
                lambda own: policies.trust(["vpc-flow-logs.amazonaws.com"], own)
            ),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name="flow-logs",
            role=role.name,
            policy=logs.arn.apply(lambda arn: policies.document(policies.write_flow_logs(arn))),
            opts=child,
        )
        aws.ec2.FlowLog(
            f"{name}-log",
            vpc_id=self.vpc_id,
            traffic_type=traffic,
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=600,
            tags={"Name": args.shared.names.prefix},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
