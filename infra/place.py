"""Where the stack runs: account, partition, region and zones, asked of AWS with the program's own provider."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import Config
from infra.names import Names


@dataclass(frozen=True)
class Place:
    """Where the stack runs."""

    region: str
    account: pulumi.Output[str]
    partition: pulumi.Output[str]
    zones: tuple[pulumi.Input[str], ...]

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


def find_place(config: Config, provider: aws.Provider) -> Place:
    """Ask AWS where the stack runs; zones from the configuration if it names them."""
    options = pulumi.InvokeOutputOptions(provider=provider)
    zones: tuple[pulumi.Input[str], ...] = tuple(config.availability_zones)
    if not zones:
        # Local zones and the like, which must be opted in to, hold none of the services.
        found = aws.get_availability_zones_output(
            state="available",
            filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
            opts=options,
        )
        zones = tuple(found.names[index] for index in range(config.zones))
    return Place(
        region=config.region,
        account=aws.get_caller_identity_output(opts=options).account_id,
        partition=aws.get_partition_output(opts=options).partition,
        zones=zones,
    )
