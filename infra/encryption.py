"""The key that encrypts the topics.

All else uses keys that AWS manages. The topics cannot: the key that AWS manages for SNS has a policy
that nobody may change, and it shuts out CloudWatch, which publishes the alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.names import Names
from infra.place import Place

# The shortest time that KMS waits before it deletes a key, in days.
_DELETION_WINDOW = 7


@dataclass(frozen=True, kw_only=True)
class TopicKeyArgs:
    """What the key is made of."""

    names: Names
    place: Place


class TopicKey(pulumi.ComponentResource):
    """A KMS key, rotated each year, for messages in topics.

    Attributes:
        arn: of the key.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: TopicKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:encryption:TopicKey", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description=f"Messages in the topics of {args.names.prefix}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_WINDOW,
            policy=pulumi.Output.all(args.place.partition, args.place.account).apply(
                lambda both: policies.key_policy(both[0], both[1], ["cloudwatch.amazonaws.com"])
            ),
            opts=child,
        )
        aws.kms.Alias(f"{name}-alias", name=f"alias/{args.names.named('topics')}", target_key_id=key.key_id, opts=child)
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
