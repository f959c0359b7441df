"""What a function needs to use something: environment, permissions, and a way through the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from infra.policies import Statement


@dataclass(frozen=True)
class Placement:
    """Where in the network something stands.

    Attributes:
        spare_security_group_id: group that a function's interfaces get when it is deleted, so that its own is free.
    """

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    spare_security_group_id: pulumi.Input[str]


@dataclass(frozen=True)
class Reach:
    """Something that listens in the network.

    Attributes:
        name: short name, part of the names of rules.
        behind: what must exist before a connection can work.
    """

    name: str
    security_group_id: pulumi.Input[str]
    port: int
    behind: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class Access:
    """What a function needs to use one thing.

    Attributes:
        placement: where in the network a function must stand for it; None for anywhere.
        data: files of the repository that go into the function's zip.
    """

    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[pulumi.Input[Statement]] = ()
    reaches: Sequence[Reach] = ()
    placement: Placement | None = None
    data: Sequence[str] = ()


def security_group(
    name: str, description: str, vpc_id: pulumi.Input[str], *, logical: str, parent: pulumi.Resource
) -> aws.ec2.SecurityGroup:
    """Make a security group without any rule: nothing goes in or out until a path is opened."""
    return aws.ec2.SecurityGroup(
        logical,
        name=name,
        description=description,
        vpc_id=vpc_id,
        tags={"Name": name},
        opts=pulumi.ResourceOptions(parent=parent),
    )


def open_path(
    name: str, who: str, source_group_id: pulumi.Input[str], reach: Reach, *, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Let one security group connect to what listens behind another, and nothing else.

    Args:
        name: logical name of the one who connects.
        who: its name in the rules' descriptions.
    """
    options = pulumi.ResourceOptions(parent=parent)
    return [
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-{reach.name}",
            security_group_id=source_group_id,
            referenced_security_group_id=reach.security_group_id,
            ip_protocol="tcp",
            from_port=reach.port,
            to_port=reach.port,
            description=f"{who} to {reach.name}",
            opts=options,
        ),
        aws.vpc.SecurityGroupIngressRule(
            f"{reach.name}-from-{name}",
            security_group_id=reach.security_group_id,
            referenced_security_group_id=source_group_id,
            ip_protocol="tcp",
            from_port=reach.port,
            to_port=reach.port,
            description=f"{reach.name} from {who}",
            opts=options,
        ),
    ]
