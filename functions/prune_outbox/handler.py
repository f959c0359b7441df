"""Removes what is no longer needed from the write model: delivered events and expired idempotency records.

Invoked on a schedule, with any event. Answers {"events": n, "keys": n, "complete": bool}. A failure is raised, so that
it counts as an error of the function; what was removed until then stays removed, and the next run goes on.

Metrics, with the function as dimension:

    EventsPruned, KeysPruned   rows removed by this run
    OutboxOldestAge            age in seconds of the oldest event that is still there, 0 if there is none
    OutboxOverdue              events older than they need to be after this run, counted up to 10,000: a slot, an open
                               transaction or the time keeps them back
    SlotMissing                1 if no replication slot delivers the log, or one of them has lost it: nothing is pruned
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import cache
from typing import Any, Protocol

from functions.common.database import Database, login
from functions.common.secret_store import SecretStore
from functions.common.settings import DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.prune_outbox.prune import Outbox, Pace, Pruned, State, prune
from functions.prune_outbox.store import PostgresOutbox

BATCH_ROWS = 500
# Longest answer to one statement, and what a run keeps of its time: for two such and the report.
ANSWER_S = 10.0
RESERVE_S = 25.0


class Context(Protocol):
    """What is needed of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@cache
def outbox() -> Outbox:
    """The outbox that the environment names, made at the first run; its connection outlives runs."""
    environment = Environment()
    settings = replace(DatabaseSettings.read(environment), answer_s=ANSWER_S)
    account = LoginSettings.read(environment)
    return PostgresOutbox(
        Database(settings, login(account, settings, SecretStore())),
        keep_hours=environment.integer("OUTBOX_HOURS", least=24, most=24 * 365),
        key_hours=environment.integer("IDEMPOTENCY_HOURS", least=1, most=24 * 365),
    )


@cache
def pace() -> Pace:
    """The bounds that the environment sets."""
    return Pace(BATCH_ROWS, Environment().integer("PRUNE_PER_SECOND", least=1, most=100_000))


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Lambda's entry."""
    pruned = prune(outbox(), pace(), lambda: context.get_remaining_time_in_millis() / 1000, time.sleep, RESERVE_S)
    report(pruned, outbox().state())
    return asdict(pruned)


def report(pruned: Pruned, state: State) -> None:
    """One log line and the metrics."""
    missing = state.slots == 0 or state.lost_slots > 0
    logger.info("pruned", extra={**asdict(pruned), **asdict(state)})
    if missing:
        logger.error("no replication slot delivers the log: no event is pruned", **asdict(state))
    metrics.add_metric(name="EventsPruned", unit=MetricUnit.Count, value=pruned.events)
    metrics.add_metric(name="KeysPruned", unit=MetricUnit.Count, value=pruned.keys)
    metrics.add_metric(name="OutboxOldestAge", unit=MetricUnit.Seconds, value=state.oldest_seconds)
    metrics.add_metric(name="OutboxOverdue", unit=MetricUnit.Count, value=state.rows_overdue)
    metrics.add_metric(name="SlotMissing", unit=MetricUnit.Count, value=int(missing))
    metrics.flush_metrics()
