"""A consumer: one function, its queue, its dead letters, and what it asks of the topic. One call each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies, templates
from infra.access import Access
from infra.alarms import Alarm, dead_letters, raise_alarms
from infra.function import METRICS, LambdaFunction, LambdaFunctionArgs
from infra.shared import Shared

_DAY = 86400
# "Creating and configuring an Amazon SQS event source mapping": at least six times the function's timeout.
_VISIBILITY_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class ConsumerArgs:
    """What a consumer is made of.

    Attributes:
        folder: of its function, below functions/.
        event_types: what it wants of the topic.
        uses: what its function calls.
        lag_metric: name of the metric in which its function says how old an event was when it was done, in ms.
        concurrency: copies that may run at once; None for as many as the configuration gives a consumer.
    """

    shared: Shared
    topic_arn: pulumi.Input[str]
    folder: str
    event_types: Sequence[str]
    uses: Sequence[Access] = ()
    lag_metric: str | None = None
    concurrency: int | None = None


class Consumer(pulumi.ComponentResource):
    """A function that gets each event of some types at least once, in batches, a failed message alone again.

    Attributes:
        event_types: what it gets of the topic.
        subscription: exists before the first event is published, or that event is lost to this consumer.
    """

    folder: str
    event_types: tuple[str, ...]
    queue: aws.sqs.Queue
    dead: aws.sqs.Queue
    function: LambdaFunction
    subscription: aws.sns.TopicSubscription

    def __init__(self, name: str, args: ConsumerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:consumer:Consumer", name, None, opts)
        config, child = args.shared.config, pulumi.ResourceOptions(parent=self)
        self._name, self._args, self.folder = name, args, args.folder
        self.event_types = tuple(args.event_types)
        self._queues()
        self.function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                shared=args.shared,
                folder=args.folder,
                timeout=config.consumer_timeout,
                uses=args.uses,
                statements=[self.queue.arn.apply(policies.receive)],
            ),
            child,
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=self.queue.arn,
            function_name=self.function.arn,
            batch_size=config.consumer_batch_size,
            maximum_batching_window_in_seconds=config.consumer_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=args.concurrency or config.consumer_concurrency
            ),
            opts=child,
        )
        raise_alarms(alarms(name, args), shared=args.shared, parent=self)
        self.register_outputs({"queue_url": self.queue.url, "dead_letters_url": self.dead.url})

    def _queues(self) -> None:
        name, args, config, child = (
            self._name,
            self._args,
            self._args.shared.config,
            pulumi.ResourceOptions(parent=self),
        )
        self.dead = aws.sqs.Queue(
            f"{name}-dead",
            name=args.shared.names.dead_letters(args.folder),
            message_retention_seconds=14 * _DAY,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        self.queue = aws.sqs.Queue(
            f"{name}-queue",
            name=args.shared.names.queue(args.folder),
            visibility_timeout_seconds=_VISIBILITY_FACTOR * config.consumer_timeout + config.consumer_window_seconds,
            # Shorter than the dead letters', where the time goes on from when the message was first sent.
            message_retention_seconds=7 * _DAY,
            receive_wait_time_seconds=20,
            sqs_managed_sse_enabled=True,
            redrive_policy=self.dead.arn.apply(
                lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": config.consumer_receives})
            ),
            opts=child,
        )
        aws.sqs.RedriveAllowPolicy(
            f"{name}-redrive",
            queue_url=self.dead.url,
            redrive_allow_policy=self.queue.arn.apply(
                lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
            ),
            opts=child,
        )
        # The topic sends to the queue, and to the dead letters what the queue would not take.
        permits = [
            aws.sqs.QueuePolicy(
                f"{name}-{which}-policy",
                queue_url=queue.url,
                policy=pulumi.Output.all(queue.arn, args.topic_arn).apply(
                    lambda both: policies.document(
                        [
                            policies.from_topic(both[0], both[1]),
                            *([policies.only_tls(["sqs:*"], both[0])] if config.messages_tls else []),
                        ]
                    )
                ),
                opts=child,
            )
            for which, queue in (("queue", self.queue), ("dead", self.dead))
        ]
        self.subscription = aws.sns.TopicSubscription(
            f"{name}-subscription",
            topic=args.topic_arn,
            protocol="sqs",
            endpoint=self.queue.arn,
            raw_message_delivery=True,
            filter_policy=templates.event_filter(args.event_types),
            filter_policy_scope="MessageBody",
            redrive_policy=self.dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn})),
            opts=pulumi.ResourceOptions(parent=self, depends_on=permits),
        )


def alarms(name: str, args: ConsumerArgs) -> list[Alarm]:
    """Messages that wait too long, events that take too long on their whole way, and dead letters."""
    config, names = args.shared.config, args.shared.names
    found = [
        Alarm(
            name=f"{name}-age",
            meaning="Messages wait too long: the consumer is too slow, or fails on all of them.",
            namespace="AWS/SQS",
            metric="ApproximateAgeOfOldestMessage",
            dimensions={"QueueName": names.queue(args.folder)},
            threshold=config.alarm_lag_seconds,
            periods=3,
        ),
        dead_letters(name, names.dead_letters(args.folder)),
    ]
    if args.lag_metric is not None:
        found.append(
            Alarm(
                name=f"{name}-lag",
                meaning="Events take too long from commit to consumer: the alarms of the steps before say where.",
                namespace=METRICS,
                metric=args.lag_metric,
                dimensions={"service": args.folder},
                threshold=config.alarm_lag_seconds * 1000,
                periods=3,
            )
        )
    return found
