"""Keeps the read model honest: a function that compares it with the write model, on a schedule and by command."""

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

FOLDER = "reconcile"
_MINUTE = 60
# Longest that a pass takes; the next one goes on where it stopped.
_LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class ReconcilingArgs:
    """What reconciling is made of.

    Attributes:
        after: what brings events into the read model; until that is there, everything would seem to be missing.
    """

    shared: Shared
    database: Database
    cache: Cache
    after: Sequence[pulumi.Resource]


class Reconciling(pulumi.ComponentResource):
    """Compares all clients every few minutes, slowly, and tells of drift; operators use the same function."""

    function: LambdaFunction
    schedule: Schedule

    def __init__(self, name: str, args: ReconcilingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:cache:Reconciling", name, None, opts)
        config, child = args.shared.config, pulumi.ResourceOptions(parent=self)
        self.function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                shared=args.shared,
                folder=FOLDER,
                timeout=_LONGEST,
                uses=[args.database.access("operator"), args.cache.access("operator")],
                environment={"RECONCILE_PER_SECOND": str(config.reconcile_per_second)},
            ),
            child,
        )
        self.schedule = Schedule(
            name,
            ScheduleArgs(
                shared=args.shared,
                function=self.function,
                expression=every(config.reconcile_minutes),
                description="Compares the read model with the write model",
                payload={"command": "pass"},
                max_age_seconds=config.reconcile_minutes * _MINUTE,
                after=args.after,
            ),
            child,
        )
        raise_alarms(alarms(config), shared=args.shared, parent=self)
        self.register_outputs({"schedule": self.schedule.schedule.name})


def alarms(config: Config) -> list[Alarm]:
    """The read model differs and no event on its way will change that. Metrics: functions/reconcile/handler.py."""
    return [
        Alarm(
            name="read-model-drift",
            meaning="Clients of the read model differ from the write model, and no event on its way will mend them: "
            "`python -m ops reconcile` names them, `--repair` mends them; see docs/operations.md.",
            namespace=METRICS,
            metric="ClientsDrifted",
            dimensions={"service": FOLDER},
            period=config.reconcile_minutes * _MINUTE,
            threshold=1,
        )
    ]
