"""Settings that an AWS account has once, which the stack may make or find.

- `dms-vpc-role` and `dms-cloudwatch-logs-role`: DMS looks for roles of just these names.
- The role with which API Gateway writes logs, one for an account and region.

Where several stacks share an account, one of them makes these and the others have
`captureRoles` and `apiLogRole` set to `existing`; the one that made them is destroyed last.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.errors import AccountError
from infra.shared import Shared

# Name of the role, and the policy of AWS's that it gets ("Creating the IAM roles to use with AWS DMS").
_DMS_ROLES = {
    "dms-vpc-role": "AmazonDMSVPCManagementRole",
    "dms-cloudwatch-logs-role": "AmazonDMSCloudWatchLogsRole",
}
_API_POLICY = "AmazonAPIGatewayPushToCloudWatchLogs"
_OWNER_TAG = "orders:made-by"


@dataclass(frozen=True, kw_only=True)
class AccountSettingsArgs:
    """What the account-wide settings are made of."""

    shared: Shared


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
        self._owner = f"{args.shared.names.project}/{args.shared.names.stack}"
        self.capture_roles = (
            [self._dms_role(role, policy) for role, policy in _DMS_ROLES.items()]
            if args.shared.config.capture_roles == "create"
            else []
        )
        self.api_logs = [self._api_role()] if args.shared.config.api_log_role == "create" else []
        self.register_outputs({})

    def _dms_role(self, role_name: str, policy: str) -> pulumi.Resource:
        role = aws.iam.Role(
            f"{self._name}-{role_name}",
            name=self._unless_foreign(role_name),
            description="AWS DMS, for the whole account",
            assume_role_policy=policies.trust(["dms.amazonaws.com"]),
            tags={_OWNER_TAG: self._owner},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.iam.RolePolicyAttachment(
            f"{self._name}-{role_name}-policy",
            role=role.name,
            policy_arn=self._managed(policy),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _unless_foreign(self, role_name: str) -> pulumi.Output[str]:
        """The role's name, unless a role of that name is there which this stack has not made."""
        options = pulumi.InvokeOutputOptions(parent=self)

        def check(found: aws.iam.GetRolesResult) -> pulumi.Output[str]:
            if role_name not in found.names:
                return pulumi.Output.from_input(role_name)
            role = aws.iam.get_role_output(name=role_name, opts=options)
            return role.tags.apply(own)

        def own(tags: object) -> str:
            if isinstance(tags, dict) and tags.get(_OWNER_TAG) == self._owner:
                return role_name
            key = f"{self._args.shared.names.project}:captureRoles"
            raise AccountError(
                f"The account has a role {role_name} already, and not from this stack. "
                f"Use it as it is: `pulumi config set {key} existing`."
            )

        return aws.iam.get_roles_output(name_regex=f"^{role_name}$", opts=options).apply(check)

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
