"""The ledger of mails: a DynamoDB table with a row for each mail that was sent."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.access import Access
from infra.shared import Shared

# As functions/notify_client/ledger.py has them.
_KEY, _EXPIRY = "id", "expiration"


@dataclass(frozen=True, kw_only=True)
class LedgerArgs:
    """What the ledger is made of."""

    shared: Shared


class Ledger(pulumi.ComponentResource):
    """A table on demand, encrypted, whose rows go away by themselves.

    Whoever loses it loses no mail, but may send those of the last `mailMaxAgeHours` again.
    """

    table: aws.dynamodb.Table

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:ledger:Ledger", name, None, opts)
        config = args.shared.config
        self.table = aws.dynamodb.Table(
            f"{name}-table",
            name=args.shared.names.mails,
            billing_mode="PAY_PER_REQUEST",
            hash_key=_KEY,
            attributes=[aws.dynamodb.TableAttributeArgs(name=_KEY, type="S")],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=_EXPIRY, enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=config.mail_ledger_recovery),
            deletion_protection_enabled=config.deletion_protection,
            opts=pulumi.ResourceOptions(parent=self, protect=config.deletion_protection),
        )
        self.register_outputs({"table_name": self.table.name})

    def access(self) -> Access:
        """What a function needs to keep the ledger."""
        return Access(
            environment={"MAIL_LEDGER": self.table.name}, statements=[self.table.arn.apply(policies.keep_records)]
        )
