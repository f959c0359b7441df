"""What the account has already, looked at before any resource exists.

Some things an account has once, whoever made them, and some it has too little of. What would end in an error
of AWS after ten minutes, or in two stacks that take a thing from each other, is said here at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import Config
from infra.errors import AccountError
from infra.names import Names

# DMS looks for roles of just these names ("Creating the IAM roles to use with AWS DMS").
DMS_ROLES = ("dms-vpc-role", "dms-cloudwatch-logs-role")
# On a role that a stack makes for the whole account: the prefix of that stack's names.
OWNER_TAG = "orders:made-by"

# "Concurrent executions" in Service Quotas, and what Lambda keeps for functions without a reservation.
_CONCURRENCY_QUOTA = "L-B99A9384"
_UNRESERVED = 100


@dataclass(frozen=True)
class Survey:
    """What the account has already.

    Attributes:
        dms_roles: names of DMS_ROLES that are there and not this stack's.
        api_log_role: name of the role that another stack of this program made for API Gateway's logs in the region.
    """

    dms_roles: frozenset[str]
    api_log_role: str | None


def survey(config: Config, names: Names, provider: pulumi.ProviderResource) -> Survey:
    """Look at the account.

    Raises:
        AccountError: a thing is there that the stack is told to make, or missing that it is told to use, or too small.
    """
    options = pulumi.InvokeOptions(provider=provider)
    # A search, because looking up a role that is not there would be an error.
    own, others = names.role("api_logs"), names.role_end("api_logs")
    there = aws.iam.get_roles(name_regex=f"^({'|'.join(DMS_ROLES)}|.+{others})$", opts=options).names
    others_role = next((role for role in there if role.endswith(others)), None)
    found = Survey(
        dms_roles=frozenset(role for role in DMS_ROLES if role in there and not _ours(role, names, options)),
        api_log_role=None if own in there else others_role,
    )
    problems = [
        *_role_problems(config, names, found, missing=[role for role in DMS_ROLES if role not in there]),
        *_concurrency_problems(config, names, options),
    ]
    if problems:
        raise AccountError(names.stack, problems)
    return found


def _ours(role: str, names: Names, options: pulumi.InvokeOptions) -> bool:
    return aws.iam.get_role(name=role, opts=options).tags.get(OWNER_TAG) == names.prefix


def _role_problems(config: Config, names: Names, found: Survey, missing: list[str]) -> list[str]:
    capture, logs = f"{names.project}:captureRoles", f"{names.project}:apiLogRole"
    problems = []
    if config.capture_roles == "create" and found.dms_roles:
        problems.append(
            f"The account has {' and '.join(sorted(found.dms_roles))} already, and not from this stack. "
            f"Use what is there: `pulumi config set {capture} find`."
        )
    if config.capture_roles == "existing" and missing:
        problems.append(
            f"The account has no {' and no '.join(missing)}, which DMS needs. "
            f"Let this stack make what is missing: `pulumi config set {capture} find`."
        )
    if config.api_log_role == "create" and found.api_log_role is not None:
        problems.append(
            f"Another stack has made {found.api_log_role} for API Gateway's logs, and an account has one role for "
            f"them in a region: this stack would take its place. Share it: `pulumi config set {logs} find`."
        )
    return problems


def _concurrency_problems(config: Config, names: Names, options: pulumi.InvokeOptions) -> list[str]:
    wanted = config.place_order_concurrency + config.administer_concurrency
    if wanted == 0:
        return []
    quota = aws.servicequotas.get_service_quota(
        service_code="lambda", quota_code=_CONCURRENCY_QUOTA, opts=options
    ).value
    if wanted + _UNRESERVED <= quota:
        return []
    orders, administration = (f"{names.project}:{which}Concurrency" for which in ("placeOrder", "administer"))
    return [
        f"{orders} and {administration} reserve {wanted} of the {int(quota)} concurrent executions that Lambda allows "
        f"the account in {config.region}, and {_UNRESERVED} must stay unreserved. Ask for more in Service Quotas "
        f"(Lambda, Concurrent executions), or reserve none: `pulumi config set {orders} 0` and "
        f"`pulumi config set {administration} 0`."
    ]
