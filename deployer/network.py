"""The network: what its parts need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.need import DELIVERY, LOOK_AT_NETWORK, PASS, Need

_SECURITY_GROUP = Need(
    "ec2",
    (
        *("CreateSecurityGroup", "DeleteSecurityGroup", "CreateTags", "DeleteTags"),
        *("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"),
        *("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules"),
    ),
    ("ec2:*:*:security-group/*", "ec2:*:*:security-group-rule/*", "ec2:*:*:vpc/*"),
)

NEEDS: Mapping[str, Sequence[Need]] = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (_SECURITY_GROUP, LOOK_AT_NETWORK),
    "aws:ec2/flowLog:FlowLog": (
        Need("ec2", ("DescribeFlowLogs",)),
        Need(
            "ec2",
            ("CreateFlowLogs", "DeleteFlowLogs", "CreateTags", "DeleteTags"),
            ("ec2:*:*:vpc-flow-log/*", "ec2:*:*:vpc/*"),
        ),
        DELIVERY,
        PASS,
    ),
    "aws:ec2/securityGroup:SecurityGroup": (_SECURITY_GROUP, LOOK_AT_NETWORK),
    "aws:ec2/subnet:Subnet": (
        LOOK_AT_NETWORK,
        Need(
            "ec2",
            ("CreateSubnet", "ModifySubnetAttribute", "DeleteSubnet", "CreateTags", "DeleteTags"),
            ("ec2:*:*:subnet/*", "ec2:*:*:vpc/*"),
        ),
        # Interfaces that functions and DMS left behind stand in the way of subnets and groups.
        Need("ec2", ("DetachNetworkInterface", "DeleteNetworkInterface"), ("ec2:*:*:network-interface/*",)),
    ),
    "aws:ec2/vpc:Vpc": (
        LOOK_AT_NETWORK,
        Need("ec2", ("CreateVpc", "ModifyVpcAttribute", "DeleteVpc", "CreateTags", "DeleteTags"), ("ec2:*:*:vpc/*",)),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        LOOK_AT_NETWORK,
        Need("ec2", ("DescribeVpcEndpoints", "DescribeVpcEndpointServices", "DescribePrefixLists")),
        Need(
            "ec2",
            ("CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints", "CreateTags", "DeleteTags"),
            tuple(f"ec2:*:*:{kind}/*" for kind in ("vpc-endpoint", "vpc", "subnet", "security-group", "route-table")),
        ),
        Need("route53", ("AssociateVPCWithHostedZone",), ("route53:::hostedzone/*",)),
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (_SECURITY_GROUP, LOOK_AT_NETWORK),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (_SECURITY_GROUP, LOOK_AT_NETWORK),
}
