"""Where the stack runs: account, partition, region and zones, asked of AWS with the program's own provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import Config
from infra.errors import AccountError
from infra.names import Names

# Zones in which AWS makes no more of what stands in a network; Amazon EKS names them ("Subnet requirements").
_CROWDED_ZONES = ["use1-az3", "usw1-az2", "cac1-az3"]


@dataclass(frozen=True)
class Place:
    """Where the stack runs."""

    region: str
    account: pulumi.Output[str]
    partition: pulumi.Output[str]
    zones: Sequence[str]

    def arn(self, service: str, resource: str) -> pulumi.Output[str]:
        """ARN of something of this account and region whose name is known before it exists."""
        return pulumi.Output.concat("arn:", self.partition, f":{service}:{self.region}:", self.account, f":{resource}")


def provider_of(config: Config, names: Names) -> aws.Provider:
    """Make the one provider: it refuses a foreign account, and tags all that takes tags."""
    tags = {"project": names.project, "stack": names.stack, "owner": config.owner, "cost-center": config.cost_center}
    return aws.Provider(
        "aws",
        region=config.region,
        allowed_account_ids=None if config.account is None else [config.account],
        default_tags=aws.ProviderDefaultTagsArgs(tags={key: value for key, value in tags.items() if value is not None}),
    )


def find_place(config: Config, names: Names, provider: aws.Provider) -> Place:
    """Ask AWS where the stack runs; zones from the configuration if it names them.

    Raises:
        AccountError: the region has fewer zones than the stack is to have.
    """
    options = pulumi.InvokeOutputOptions(provider=provider)
    return Place(
        region=config.region,
        account=aws.get_caller_identity_output(opts=options).account_id,
        partition=aws.get_partition_output(opts=options).partition,
        zones=config.availability_zones or _zones(config, names, provider),
    )


def _zones(config: Config, names: Names, provider: aws.Provider) -> list[str]:
    """The first zones of the region."""
    # Local zones and the like, which must be opted in to, hold none of the services. Zones in trouble stay on the
    # list: without one the subnets would move to another.
    found = aws.get_availability_zones(
        filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
        exclude_zone_ids=_CROWDED_ZONES,
        opts=pulumi.InvokeOptions(provider=provider),
    ).names
    if len(found) < config.zones:
        key = f"{names.project}:zones"
        raise AccountError(
            names.stack,
            [
                f"{key} is {config.zones}, but the account can use {len(found)} zones in {config.region} "
                f"({', '.join(found)}): `pulumi config set {key} {max(2, len(found))}`, or take another region."
            ],
        )
    return list(found[: config.zones])
