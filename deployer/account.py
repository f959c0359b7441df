"""Roles, logs and alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.need import ROLES, TAGS, Need

# The policies of AWS's own that the account-wide roles get, and no other.
_ATTACHED = (
    *("AmazonDMSVPCManagementRole", "AmazonDMSCloudWatchLogsRole"),
    "AmazonAPIGatewayPushToCloudWatchLogs",
)
_LOG_GROUPS = (
    *("logs:*:*:log-group:/aws/lambda/{prefix}*", "logs:*:*:log-group:/aws/apigateway/{prefix}*"),
    *("logs:*:*:log-group:/aws/vendedlogs/pipes/{prefix}*", "logs:*:*:log-group:dms-tasks-{prefix}*"),
    *("logs:*:*:log-group:/aws/rds/cluster/{prefix}*", "logs:*:*:log-group:/aws/vpc/{prefix}*"),
)

# What the program asks before it makes anything.
BEFORE = (
    Need("ec2", ("DescribeAvailabilityZones",)),
    Need("iam", ("ListRoles",)),
    Need("iam", ("GetRole",), ROLES),
    Need("servicequotas", ("GetServiceQuota",), ("servicequotas:*:*:lambda/L-B99A9384",)),
)

NEEDS: Mapping[str, Sequence[Need]] = {
    "aws:cloudwatch/dashboard:Dashboard": (
        Need(
            "cloudwatch",
            ("PutDashboard", "GetDashboard", "DeleteDashboards"),
            ("cloudwatch::*:dashboard/{prefix}*",),
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        Need("logs", ("DescribeLogGroups",)),
        Need("logs", ("CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", *TAGS), _LOG_GROUPS),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Need(
            "cloudwatch",
            ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms", *TAGS),
            ("cloudwatch:*:*:alarm:{prefix}*",),
        ),
    ),
    "aws:iam/role:Role": (
        Need(
            "iam",
            (
                *("CreateRole", "GetRole", "UpdateRole", "UpdateAssumeRolePolicy", "DeleteRole", "TagRole"),
                *("UntagRole", "ListRolePolicies", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"),
            ),
            ROLES,
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (Need("iam", ("PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"), ROLES),),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        Need(
            "iam",
            ("AttachRolePolicy", "DetachRolePolicy"),
            ROLES,
            {"ArnLike": {"iam:PolicyARN": [f"arn:aws:iam::aws:policy/service-role/{name}" for name in _ATTACHED]}},
        ),
        Need("iam", ("ListAttachedRolePolicies",), ROLES),
    ),
}
