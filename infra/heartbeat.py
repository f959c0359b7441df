"""Proves every minute that the way from the database to the read model is open, and measures how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.alarms import Alarm, raise_alarms
from infra.cache import Cache
from infra.config import Config
from infra.database import Database
from infra.function import METRICS, LambdaFunction, LambdaFunctionArgs
from infra.schedule import Schedule, ScheduleArgs, every
from infra.shared import Shared

FOLDER = "heartbeat"
_MINUTE = 60
# How long a run waits for its own beat, in milliseconds: longer than a healthy way takes.
_WAIT_MS = 20_000


@dataclass(frozen=True, kw_only=True)
class HeartbeatArgs:
    """What the heartbeat is made of.

    Attributes:
        after: the way that the beats take; before it is there, every beat would be late.
    """

    shared: Shared
    database: Database
    cache: Cache
    after: Sequence[pulumi.Resource]


class Heartbeat(pulumi.ComponentResource):
    """Takes a heartbeat every minute; operators use the same function."""

    function: LambdaFunction
    schedule: Schedule

    def __init__(self, name: str, args: HeartbeatArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:bus:Heartbeat", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                shared=args.shared,
                folder=FOLDER,
                timeout=_MINUTE,
                uses=[args.database.access("operator"), args.cache.access("reader")],
            ),
            child,
        )
        self.schedule = Schedule(
            name,
            ScheduleArgs(
                shared=args.shared,
                function=self.function,
                expression=every(1),
                description="Sends an event the whole way and measures how long it takes",
                payload={"wait_ms": _WAIT_MS},
                max_age_seconds=_MINUTE,
                after=args.after,
            ),
            child,
        )
        raise_alarms(alarms(args.shared.config), shared=args.shared, parent=self, after=[self.schedule.schedule])
        self.register_outputs({"schedule": self.schedule.schedule.name})


def alarms(config: Config) -> list[Alarm]:
    """Events do not arrive, or late, whether somebody orders or not. Metric: functions/heartbeat/handler.py."""
    return [
        Alarm(
            name="heartbeat-lag",
            meaning="Heartbeats do not arrive in the read model, or nobody takes them: `python -m ops doctor` says "
            "at which hop they stop; see docs/operations.md.",
            namespace=METRICS,
            metric="HeartbeatLag",
            dimensions={"service": FOLDER},
            threshold=config.alarm_lag_seconds * 1000,
            periods=3,
            missing="breaching",
        )
    ]
