"""Keeps the write model small: a scheduled function that removes delivered events and expired idempotency keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.alarms import Alarm, raise_alarms
from infra.config import Config
from infra.database import Database
from infra.function import METRICS, LambdaFunction, LambdaFunctionArgs
from infra.schedule import Schedule, ScheduleArgs, every
from infra.shared import Shared

FOLDER = "prune_outbox"
_MINUTE, _HOUR = 60, 3600
# Longest that a Lambda function may run, in seconds.
_LONGEST = 900


@dataclass(frozen=True, kw_only=True)
class PruningArgs:
    """What pruning is made of.

    Attributes:
        after: what makes the replication slot; until that is there, the function would ring for the lack of one.
    """

    shared: Shared
    database: Database
    after: Sequence[pulumi.Resource]


class Pruning(pulumi.ComponentResource):
    """Removes rows that are old and delivered, every few minutes, slowly."""

    function: LambdaFunction
    schedule: Schedule

    def __init__(self, name: str, args: PruningArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:database:Pruning", name, None, opts)
        config, child = args.shared.config, pulumi.ResourceOptions(parent=self)
        self.function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                shared=args.shared,
                folder=FOLDER,
                # One run ends before the next begins.
                timeout=min(config.prune_minutes * _MINUTE, _LONGEST),
                uses=[args.database.access("maintenance")],
                environment={
                    "OUTBOX_HOURS": str(config.outbox_hours),
                    "IDEMPOTENCY_HOURS": str(config.idempotency_hours),
                    "PRUNE_PER_SECOND": str(config.prune_per_second),
                },
            ),
            child,
        )
        self.schedule = Schedule(
            name,
            ScheduleArgs(
                shared=args.shared,
                function=self.function,
                expression=every(config.prune_minutes),
                description="Removes delivered events and expired idempotency keys",
                max_age_seconds=config.prune_minutes * _MINUTE,
                after=args.after,
            ),
            child,
        )
        raise_alarms(alarms(config), shared=args.shared, parent=self, after=[self.schedule.schedule])
        self.register_outputs({"schedule": self.schedule.schedule.name})


def alarms(config: Config) -> list[Alarm]:
    """Change capture has no slot, or the outbox grows. Metrics: functions/prune_outbox/handler.py."""
    common, run = {"service": FOLDER}, config.prune_minutes * _MINUTE
    return [
        Alarm(
            name="slot-missing",
            meaning="No replication slot delivers events, or prune_outbox does not run: see docs/operations.md.",
            namespace=METRICS,
            metric="SlotMissing",
            dimensions=common,
            period=run,
            periods=3,
            threshold=1,
            missing="breaching",
        ),
        Alarm(
            name="outbox-age",
            meaning="Old events are not removed, so the outbox grows: see docs/operations.md.",
            namespace=METRICS,
            metric="OutboxOldestAge",
            dimensions=common,
            period=run,
            # A new task's slot holds pruning up for as long again, which is as it should be.
            threshold=(2 * config.outbox_hours + 2) * _HOUR,
        ),
    ]
