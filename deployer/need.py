"""What the deployer must be allowed to do: for each type of resource the actions by which the provider makes,
reads, changes, tags and deletes it, and on which resources.

Actions are those of the "Service Authorization Reference". A resource is named by the start of the stack's names,
written `{prefix}`, where AWS lets a name stand in the ARN; where it makes ids of its own, by its type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Need:
    """Actions of one service on some resources.

    Attributes:
        service: as IAM calls it.
        actions: names without the service.
        resources: what follows `arn:aws:` in the ARN; empty for `*`, where an action knows no resource.
        condition: of the statement, in IAM's form.
    """

    service: str
    actions: Sequence[str]
    resources: Sequence[str] = ()
    condition: Mapping[str, Any] = field(default_factory=dict)


TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
OLD_TAGS = ("AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource")

# Roles that the stack makes, and whom it hands them to.
ROLES = ("iam::*:role/{prefix}*", "iam::*:role/dms-vpc-role", "iam::*:role/dms-cloudwatch-logs-role")
_TAKERS = ("apigateway", "dms", "lambda", "pipes", "scheduler", "vpc-flow-logs")
PASS = Need(
    "iam", ("PassRole",), ("iam::*:role/{prefix}*",),
    {"StringLike": {"iam:PassedToService": [f"{service}*.amazonaws.com" for service in _TAKERS]}},
)  # fmt: skip
LOOK_AT_NETWORK = Need(
    "ec2",
    (
        *("DescribeVpcs", "DescribeVpcAttribute", "DescribeSubnets", "DescribeSecurityGroups"),
        *("DescribeSecurityGroupRules", "DescribeNetworkAcls", "DescribeRouteTables", "DescribeNetworkInterfaces"),
    ),
)
DELIVERY = Need(
    "logs",
    (
        *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
        *("DescribeResourcePolicies", "PutResourcePolicy"),
    ),
)


def service_role(service: str) -> Need:
    """Leave to make, once an account, the role that a service makes for itself."""
    return Need(
        "iam", ("CreateServiceLinkedRole",), (f"iam::*:role/aws-service-role/{service}.amazonaws.com/*",),
        {"StringEquals": {"iam:AWSServiceName": f"{service}.amazonaws.com"}},
    )  # fmt: skip
