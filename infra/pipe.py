"""The pipe from the stream to the topic: filter, template, bounded retries, and a queue for what it gave up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies, templates
from infra.alarms import Alarm, dead_letters, raise_alarms
from infra.bus import Bus
from infra.capture import SCHEMA, TABLE
from infra.consumer import Consumer
from infra.names import Names
from infra.shared import Shared

# The longest time that SQS keeps a message, in seconds.
_TWO_WEEKS = 1209600


@dataclass(frozen=True, kw_only=True)
class EventPipeArgs:
    """What the pipe is made of.

    Attributes:
        consumers: subscribed before the pipe runs, as a topic drops what nobody has subscribed to yet.
        after: what takes minutes to make, so that IAM has had the time to make the pipe's role known.
    """

    shared: Shared
    bus: Bus
    consumers: Sequence[Consumer]
    after: Sequence[pulumi.Resource] = ()


class EventPipe(pulumi.ComponentResource):
    """An EventBridge pipe that takes new outbox rows from the stream and publishes them on the topic."""

    pipe: aws.pipes.Pipe
    undelivered: aws.sqs.Queue

    def __init__(self, name: str, args: EventPipeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:bus:EventPipe", name, None, opts)
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        self.undelivered = aws.sqs.Queue(
            f"{name}-undelivered",
            name=names.undelivered,
            message_retention_seconds=_TWO_WEEKS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        if config.messages_tls:
            aws.sqs.QueuePolicy(
                f"{name}-undelivered-policy",
                queue_url=self.undelivered.url,
                policy=self.undelivered.arn.apply(lambda arn: policies.document([policies.only_tls(["sqs:*"], arn)])),
                opts=child,
            )
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=names.pipe_log_group,
            retention_in_days=config.log_retention_days,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=names.role("pipe"),
            description=f"Pipe {names.events}",
            assume_role_policy=args.shared.place.account.apply(
                lambda own: policies.trust(["pipes.amazonaws.com"], own)
            ),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name="pipe",
            role=role.name,
            policy=pulumi.Output.all(
                args.bus.stream.arn.apply(policies.read_stream),
                args.bus.topic.arn.apply(policies.publish),
                pulumi.Output.from_input(args.bus.key_arn).apply(policies.encrypt),
                self.undelivered.arn.apply(policies.send),
                logs.arn.apply(policies.write_logs),
            ).apply(policies.document),
            opts=child,
        )
        subscriptions = [consumer.subscription for consumer in args.consumers]
        self.pipe = aws.pipes.Pipe(
            f"{name}-pipe",
            name=names.events,
            description="New rows of the outbox, from the stream to the topic",
            role_arn=role.arn,
            source=args.bus.stream.arn,
            target=args.bus.topic.arn,
            desired_state="RUNNING",
            source_parameters=aws.pipes.PipeSourceParametersArgs(
                kinesis_stream_parameters=aws.pipes.PipeSourceParametersKinesisStreamParametersArgs(
                    # LATEST would lose what was written before the pipe ran.
                    starting_position="TRIM_HORIZON",
                    # SNS takes ten messages at once, and Pipes does not split a larger batch.
                    batch_size=config.pipe_batch_size,
                    maximum_batching_window_in_seconds=config.pipe_window_seconds,
                    maximum_retry_attempts=config.pipe_retries,
                    maximum_record_age_in_seconds=config.pipe_max_age_seconds,
                    parallelization_factor=config.pipe_parallelization,
                    on_partial_batch_item_failure="AUTOMATIC_BISECT",
                    dead_letter_config=aws.pipes.PipeSourceParametersKinesisStreamParametersDeadLetterConfigArgs(
                        arn=self.undelivered.arn
                    ),
                ),
                filter_criteria=aws.pipes.PipeSourceParametersFilterCriteriaArgs(
                    filters=[
                        aws.pipes.PipeSourceParametersFilterCriteriaFilterArgs(
                            pattern=templates.pipe_filter(SCHEMA, TABLE)
                        )
                    ]
                ),
            ),
            target_parameters=aws.pipes.PipeTargetParametersArgs(input_template=templates.pipe_input_template()),
            log_configuration=aws.pipes.PipeLogConfigurationArgs(
                level="ERROR",
                cloudwatch_logs_log_destination=aws.pipes.PipeLogConfigurationCloudwatchLogsLogDestinationArgs(
                    log_group_arn=logs.arn
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, *subscriptions, *args.after]),
        )
        raise_alarms(alarms(names), shared=args.shared, parent=self)
        self.register_outputs({"pipe_arn": self.pipe.arn, "undelivered_url": self.undelivered.url})


def alarms(names: Names) -> list[Alarm]:
    """Failures of the pipe. Source: "Logging and monitoring Amazon EventBridge Pipes"."""
    pipe = {"PipeName": names.events}
    return [
        Alarm(
            name="pipe-failures",
            meaning=f"The pipe fails and tries again: read its log group {names.pipe_log_group}.",
            namespace="AWS/EventBridge/Pipes",
            metric="ExecutionFailed",
            dimensions=pipe,
            statistic="Sum",
            threshold=1,
            periods=3,
        ),
        dead_letters("pipe", names.undelivered),
    ]
