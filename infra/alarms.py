"""Alarms: what to watch as pure functions, the topic they report to, and the resources.

Every component makes the alarms of what it holds, and every alarm reports to the topic.
Metric names are those of the services' "CloudWatch metrics" pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.names import Names
from infra.place import Place
from infra.shared import Shared

_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm: `statistic` of a metric above or at `threshold`, for `periods` periods of `period` seconds.

    Attributes:
        name: short name; the physical one starts with the stack's prefix.
        meaning: what has happened and where to look, for whoever gets the mail.
        missing: what no data means.
    """

    name: str
    meaning: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: float
    statistic: Literal["Maximum", "Sum", "Average", "Minimum"] = "Maximum"
    period: int = _MINUTE
    periods: int = 1
    missing: Literal["notBreaching", "breaching", "ignore"] = "notBreaching"
    comparison: Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold"] = "GreaterThanOrEqualToThreshold"


def raise_alarms(
    alarms: Sequence[Alarm], *, shared: Shared, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
) -> list[aws.cloudwatch.MetricAlarm]:
    """Make these alarms, reporting to the topic when they start and when they end.

    Args:
        after: what must be there first, and goes last, so that its absence rings nobody.
    """
    return [
        aws.cloudwatch.MetricAlarm(
            f"alarm-{alarm.name}",
            name=shared.names.named(alarm.name),
            alarm_description=alarm.meaning,
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=dict(alarm.dimensions),
            statistic=alarm.statistic,
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            period=alarm.period,
            evaluation_periods=alarm.periods,
            treat_missing_data=alarm.missing,
            alarm_actions=[shared.alarm_topic],
            ok_actions=[shared.alarm_topic],
            opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
        )
        for alarm in alarms
    ]


@dataclass(frozen=True, kw_only=True)
class AlarmTopicArgs:
    """What the alarm topic is made of.

    Attributes:
        key_arn: KMS key that CloudWatch may use; the key that AWS manages for SNS is closed to it.
        email: who gets the mails, after confirming the first; nobody if None.
        tls: whether calls without TLS are refused.
    """

    names: Names
    place: Place
    key_arn: pulumi.Input[str]
    email: str | None
    tls: bool


class AlarmTopic(pulumi.ComponentResource):
    """The topic that alarms report to.

    Attributes:
        arn: of the topic.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:alarms:AlarmTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{name}-topic", name=args.names.named("alarms"), kms_master_key_id=args.key_arn, opts=child
        )
        aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=pulumi.Output.all(topic.arn, args.place.account).apply(
                lambda both: policies.document(
                    [
                        policies.from_services(both[0], both[1], ["cloudwatch.amazonaws.com"]),
                        *([policies.only_tls(["sns:Publish"], both[0])] if args.tls else []),
                    ]
                )
            ),
            opts=child,
        )
        if args.email is not None:
            aws.sns.TopicSubscription(
                f"{name}-mail", topic=topic.arn, protocol="email", endpoint=args.email, opts=child
            )
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})


def dead_letters(name: str, queue: str) -> Alarm:
    """Any message in a dead-letter queue."""
    return Alarm(
        name=f"{name}-dead-letters",
        meaning=f"Something could not be delivered or handled: look with `python -m ops dlq` ({queue}).",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue},
        threshold=1,
    )


def function_health(name: str, function: str) -> list[Alarm]:
    """Errors and throttles of a function."""
    common = {"FunctionName": function}
    return [
        Alarm(
            name=f"{name}-errors",
            meaning=f"The function fails: read its log group /aws/lambda/{function}.",
            namespace="AWS/Lambda",
            metric="Errors",
            dimensions=common,
            statistic="Sum",
            period=5 * _MINUTE,
            threshold=1,
        ),
        Alarm(
            name=f"{name}-throttles",
            meaning="Lambda turns calls away: raise the account's or the function's concurrency.",
            namespace="AWS/Lambda",
            metric="Throttles",
            dimensions=common,
            statistic="Sum",
            period=5 * _MINUTE,
            threshold=1,
        ),
    ]
