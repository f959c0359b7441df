"""Mails to clients: what SES knows of them, and who may send them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.access import Access
from infra.alarms import Alarm, raise_alarms
from infra.ledger import Ledger, LedgerArgs
from infra.names import Names
from infra.shared import Shared

_HOUR = 3600
# From here on SES puts an account under review ("Reputation metrics messages", Amazon SES Developer Guide).
_BOUNCE_RATE, _COMPLAINT_RATE = 0.05, 0.001


@dataclass(frozen=True, kw_only=True)
class MailArgs:
    """What mails are made of.

    Attributes:
        sender: address that mails come from.
    """

    shared: Shared
    sender: str


class Mail(pulumi.ComponentResource):
    """A sender that SES has verified, a configuration set that all mails go by, and the ledger of those sent.

    Attributes:
        identity_arn: of what SES has verified, the address or its domain.
        to_publish: DNS records by which SES gets to know a domain, one a line; empty for an address and for an
            identity that was there before.
    """

    identity_arn: pulumi.Output[str]
    configuration_set: aws.sesv2.ConfigurationSet
    ledger: Ledger
    to_publish: pulumi.Output[str]

    def __init__(self, name: str, args: MailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:mail:Mail", name, None, opts)
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        self._args = args
        identity = config.mail_identity or args.sender
        self.identity_arn = args.shared.place.arn("ses", f"identity/{identity}")
        self.to_publish = pulumi.Output.from_input("")
        if config.mail_identity_source == "create":
            made = aws.sesv2.EmailIdentity(f"{name}-identity", email_identity=identity, opts=child)
            self.identity_arn = made.arn
            if "@" not in identity:
                self.to_publish = made.dkim_signing_attributes.tokens.apply(lambda tokens: dkim(identity, tokens))
        self.configuration_set = aws.sesv2.ConfigurationSet(
            f"{name}-set",
            configuration_set_name=names.mails,
            # A mail names a person and what was bought: it does not cross the network in the clear.
            delivery_options=aws.sesv2.ConfigurationSetDeliveryOptionsArgs(tls_policy="REQUIRE"),
            reputation_options=aws.sesv2.ConfigurationSetReputationOptionsArgs(reputation_metrics_enabled=True),
            # Who does not exist, or has complained, is not written to again.
            suppression_options=aws.sesv2.ConfigurationSetSuppressionOptionsArgs(
                suppressed_reasons=["BOUNCE", "COMPLAINT"]
            ),
            opts=child,
        )
        self.ledger = Ledger(f"{name}-ledger", LedgerArgs(shared=args.shared), child)
        raise_alarms(alarms(names), shared=args.shared, parent=self)
        self.register_outputs({"identity_arn": self.identity_arn})

    def access(self) -> Access:
        """What a function needs to send mails, once each; while sandboxed it may send to one address only."""
        config, sender, place = self._args.shared.config, self._args.sender, self._args.shared.place
        ledger = self.ledger.access()
        environment: dict[str, pulumi.Input[str]] = {
            "MAIL_SENDER": sender,
            "MAIL_CONFIGURATION_SET": self.configuration_set.configuration_set_name,
            "MAIL_SANDBOX": str(config.mail_sandbox).lower(),
            "MAIL_MAX_AGE_HOURS": str(config.mail_max_age_hours),
            **ledger.environment,
        }
        resources: list[pulumi.Output[str]] = [self.identity_arn, self.configuration_set.arn]
        only_to = config.mail_sandbox_recipient if config.mail_sandbox else None
        if only_to is not None:
            environment["MAIL_SANDBOX_RECIPIENT"] = only_to
            # An account that SES has in its own sandbox sends to verified recipients only, and asks for the right
            # to send on the recipient's identity too.
            resources.append(place.arn("ses", f"identity/{only_to}"))
        statement = pulumi.Output.all(*resources).apply(lambda arns: policies.send_mail(arns, sender, only_to))
        return Access(environment=environment, statements=[statement, *ledger.statements])


def dkim(domain: str, tokens: list[str] | None) -> str:
    """The DNS records that prove a domain, one a line ("Easy DKIM in Amazon SES")."""
    return "\n".join(f"{token}._domainkey.{domain} CNAME {token}.dkim.amazonses.com" for token in tokens or ())


def alarms(names: Names) -> list[Alarm]:
    """Rates at which SES stops an account. Source: "Creating reputation monitoring alarms using CloudWatch"."""
    return [
        Alarm(
            name=f"mail-{name}",
            meaning=meaning,
            namespace="AWS/SES",
            metric=f"Reputation.{metric}",
            dimensions={"ses:configuration-set": names.mails},
            threshold=threshold,
            period=_HOUR,
        )
        for name, metric, threshold, meaning in (
            ("bounces", "BounceRate", _BOUNCE_RATE, "Mails bounce: SES pauses the account at 10 %. Look at addresses."),
            ("complaints", "ComplaintRate", _COMPLAINT_RATE, "Mails are taken for spam: SES pauses the account."),
        )
    ]
