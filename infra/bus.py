"""The bus: a stream that keeps every event for replay, and a topic that hands each to who wants it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.alarms import Alarm, raise_alarms
from infra.config import Config
from infra.names import Names
from infra.shared import Shared

# The key that AWS manages for Kinesis: whoever may use the stream may use it, without a policy of its own.
_STREAM_KEY = "alias/aws/kinesis"


@dataclass(frozen=True, kw_only=True)
class BusArgs:
    """What the bus is made of."""

    shared: Shared
    key_arn: pulumi.Input[str]


class Bus(pulumi.ComponentResource):
    """A Kinesis stream and an SNS topic, both encrypted; a pipe leads from one to the other.

    Attributes:
        key_arn: KMS key of the topic, which a publisher must be allowed to use.
    """

    stream: aws.kinesis.Stream
    topic: aws.sns.Topic
    key_arn: pulumi.Input[str]

    def __init__(self, name: str, args: BusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:bus:Bus", name, None, opts)
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        self.stream = aws.kinesis.Stream(
            f"{name}-stream",
            name=names.events,
            stream_mode_details=aws.kinesis.StreamStreamModeDetailsArgs(stream_mode=config.stream_mode),
            shard_count=config.stream_shards if config.stream_mode == "PROVISIONED" else None,
            retention_period=config.stream_retention_hours,
            encryption_type="KMS",
            kms_key_id=_STREAM_KEY,
            opts=child,
        )
        self.topic = aws.sns.Topic(f"{name}-topic", name=names.events, kms_master_key_id=args.key_arn, opts=child)
        if config.messages_tls:
            aws.sns.TopicPolicy(
                f"{name}-topic-policy",
                arn=self.topic.arn,
                # Who may publish says the role of the pipe.
                policy=self.topic.arn.apply(lambda arn: policies.document([policies.only_tls(["sns:Publish"], arn)])),
                opts=child,
            )
        self.key_arn = args.key_arn
        raise_alarms(alarms(config, names), shared=args.shared, parent=self)
        self.register_outputs({"stream_arn": self.stream.arn, "topic_arn": self.topic.arn})


def alarms(config: Config, names: Names) -> list[Alarm]:
    """Who reads too late, and who writes too much, and what the topic drops.

    Sources: "Monitoring Amazon Kinesis Data Streams", "Monitoring Amazon SNS topics using CloudWatch".
    """
    stream = {"StreamName": names.events}
    return [
        Alarm(
            name="stream-age",
            meaning="The pipe reads the stream too late: look at its state and its log.",
            namespace="AWS/Kinesis",
            metric="GetRecords.IteratorAgeMilliseconds",
            dimensions=stream,
            threshold=config.alarm_lag_seconds * 1000,
            periods=3,
        ),
        Alarm(
            name="stream-full",
            meaning="DMS writes faster than the shards take: raise streamShards, or take streamMode ON_DEMAND.",
            namespace="AWS/Kinesis",
            metric="WriteProvisionedThroughputExceeded",
            dimensions=stream,
            statistic="Sum",
            threshold=1,
            periods=5,
        ),
        Alarm(
            name="topic-failures",
            meaning="SNS could not deliver to a queue: its policy or its key is wrong.",
            namespace="AWS/SNS",
            metric="NumberOfNotificationsFailed",
            dimensions={"TopicName": names.events},
            statistic="Sum",
            threshold=1,
        ),
        Alarm(
            name="topic-unreadable",
            meaning="SNS dropped a message that is no JSON: the template of the pipe is wrong (infra/templates.py).",
            namespace="AWS/SNS",
            metric="NumberOfNotificationsFilteredOut-InvalidMessageBody",
            dimensions={"TopicName": names.events},
            statistic="Sum",
            threshold=1,
        ),
    ]
