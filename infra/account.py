"""Settings that an AWS account has once, which the stack may make or find.

- `dms-vpc-role` and `dms-cloudwatch-logs-role`: DMS looks for roles of just these names.
- The role with which API Gateway writes logs, one for an account and region.

Where several stacks share an account, the first makes these and the others find them. When the one that made
them is destroyed they are gone; the next `pulumi up` of another stack makes them anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.shared import Shared
from infra.survey import DMS_ROLES, OWNER_TAG, Survey

# The policies of AWS's that the roles get ("Creating the IAM roles to use with AWS DMS").
_DMS_POLICIES = dict(zip(DMS_ROLES, ("AmazonDMSVPCManagementRole", "AmazonDMSCloudWatchLogsRole"), strict=True))
_API_POLICY = "AmazonAPIGatewayPushToCloudWatchLogs"


@dataclass(frozen=True, kw_only=True)
class AccountSettingsArgs:
    """What the account-wide settings are made of."""

    shared: Shared
    survey: Survey


class AccountSettings(pulumi.ComponentResource):
    """The account-wide roles, made or found as configured.

    Attributes:
        capture_roles: what must exist before anything of DMS; empty if the roles are there already.
        api_logs: what must exist before a stage of API Gateway that writes logs.
    """

    capture_roles: list[pulumi.Resource]
    api_logs: list[pulumi.Resource]

    def __init__(self, name: str, args: AccountSettingsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:account:AccountSettings", name, None, opts)
        self._name, self._args = name, args
        config, survey = args.shared.config, args.survey
        missing = [role for role in DMS_ROLES if role not in survey.dms_roles]
        self.capture_roles = [self._dms_role(role) for role in missing] if config.capture_roles != "existing" else []
        shared_logs = config.api_log_role == "existing" or survey.api_log_role is not None
        self.api_logs = [] if shared_logs else [self._api_role()]
        self.register_outputs({})

    def _dms_role(self, role_name: str) -> pulumi.Resource:
        role = aws.iam.Role(
            f"{self._name}-{role_name}",
            name=role_name,
            description="AWS DMS, for the whole account",
            assume_role_policy=policies.trust(["dms.amazonaws.com"]),
            tags={OWNER_TAG: self._args.shared.names.prefix},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.iam.RolePolicyAttachment(
            f"{self._name}-{role_name}-policy",
            role=role.name,
            policy_arn=self._managed(_DMS_POLICIES[role_name]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _api_role(self) -> pulumi.Resource:
        role = aws.iam.Role(
            f"{self._name}-api-logs",
            name=self._args.shared.names.role("api_logs"),
            description="API Gateway's logs, for the whole account and region",
            assume_role_policy=policies.trust(["apigateway.amazonaws.com"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{self._name}-api-logs-policy",
            role=role.name,
            policy_arn=self._managed(_API_POLICY),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.apigateway.Account(
            f"{self._name}-api",
            cloudwatch_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )

    def _managed(self, policy: str) -> pulumi.Output[str]:
        return pulumi.Output.concat("arn:", self._args.shared.place.partition, ":iam::aws:policy/service-role/", policy)
