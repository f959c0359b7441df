"""A schedule for a function: EventBridge Scheduler invokes it, and what it could not invoke is a dead letter.

Scheduler hands the invocation to Lambda and is done: a function that fails is repeated twice by Lambda, and
counted by the function's own alarm ("Invoke a Lambda function on a schedule").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.alarms import dead_letters, raise_alarms
from infra.function import LambdaFunction
from infra.shared import Shared

_TWO_WEEKS = 1209600


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """What a schedule is made of.

    Attributes:
        expression: `rate(...)`, `cron(...)` or `at(...)`, by UTC. A rate begins when the schedule is made.
        payload: what the function gets.
        retries: attempts after the first, when Lambda does not take the invocation.
        max_age_seconds: how long an invocation is tried, 60 to 86400; no longer than until the next is as good.
        after: what must be there before the function runs for the first time.
    """

    shared: Shared
    function: LambdaFunction
    expression: str
    description: str
    payload: Mapping[str, object] = field(default_factory=dict)
    retries: int = 3
    max_age_seconds: int = 300
    after: Sequence[pulumi.Resource] = ()


class Schedule(pulumi.ComponentResource):
    """Invokes a function again and again, with its own role, and a queue for what could not be invoked."""

    folder: str
    schedule: aws.scheduler.Schedule
    dead: aws.sqs.Queue

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:schedule:Schedule", name, None, opts)
        self._name, self._args, self.folder = name, args, args.function.folder
        names = args.shared.names
        self.dead = self._queue()
        role, policy = self._role()
        self.schedule = aws.scheduler.Schedule(
            f"{name}-schedule",
            name=names.function(self.folder),
            description=args.description,
            schedule_expression=args.expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=args.function.arn,
                role_arn=role.arn,
                input=json.dumps(args.payload),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=args.retries, maximum_event_age_in_seconds=args.max_age_seconds
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=self.dead.arn),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, *args.after]),
        )
        alarm = dead_letters(name, names.dead_letters(self.folder))
        raise_alarms([alarm], shared=args.shared, parent=self)
        self.register_outputs({"schedule": self.schedule.name, "dead_letters_url": self.dead.url})

    def _queue(self) -> aws.sqs.Queue:
        name, shared, child = self._name, self._args.shared, pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(
            f"{name}-dead",
            name=shared.names.dead_letters(self.folder),
            message_retention_seconds=_TWO_WEEKS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        if shared.config.messages_tls:
            aws.sqs.QueuePolicy(
                f"{name}-dead-policy",
                queue_url=queue.url,
                policy=queue.arn.apply(lambda arn: policies.document([policies.only_tls(["sqs:*"], arn)])),
                opts=child,
            )
        return queue

    def _role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        name, args, child = self._name, self._args, pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-schedule-role",
            name=args.shared.names.role(f"{self.folder}_schedule"),
            description=f"Schedule {args.shared.names.function(self.folder)}",
            assume_role_policy=args.shared.place.account.apply(
                lambda own: policies.trust(["scheduler.amazonaws.com"], own)
            ),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-schedule-policy",
            name="schedule",
            role=role.name,
            policy=pulumi.Output.all(
                args.function.arn.apply(policies.invoke), self.dead.arn.apply(policies.send)
            ).apply(policies.document),
            opts=child,
        )
        return role, policy


def every(minutes: int) -> str:
    """Write the rate of so many minutes."""
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"
