"""Compares the read model with the write model, and fills it anew: for operators by command, on a schedule by itself.

`python -m ops reconcile` and `ops rebuild` invoke it page by page; the schedule invokes it with
``{"command": "pass"}``. Only a pass writes metrics:

ClientsCompared     that were compared
ClientsBehind       whose events are on their way: lag
ClientsDrifted      that differ and will stay so until they are repaired, orphans included
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from functools import cache
from typing import Any, Protocol

from functions.common.cache import Cache, connect
from functions.common.database import Database, login
from functions.common.secret_store import SecretStore
from functions.common.settings import CacheSettings, DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.reconcile.cached import CachedClients
from functions.reconcile.commands import LAG_S, Command, Compare, FindOrphans, Pass, Position, Rebuild, Switch, read
from functions.reconcile.compare import Comparison
from functions.reconcile.control import CachedControl
from functions.reconcile.generation import State, Stepped, abandon, step
from functions.reconcile.generation import begin as begin_switch
from functions.reconcile.passing import Pace, Passed, walk
from functions.reconcile.rebuild import WALK, begin, rebuild
from functions.reconcile.write_model import PostgresClients

PAGE_CLIENTS = 50
# What a pass keeps of its time: for one more page with its waits, and the report.
RESERVE_S = 25.0
MOST_LOGGED = 20


class Context(Protocol):
    """What is needed of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@cache
def write_model() -> PostgresClients:
    """The write model that the environment names, made at the first command; its connection outlives commands."""
    environment = Environment()
    settings = DatabaseSettings.read(environment)
    return PostgresClients(Database(settings, login(LoginSettings.read(environment), settings, SecretStore())))


@cache
def read_model() -> CachedClients:
    """The read model that the environment names, made at the first command; its connection outlives commands."""
    return CachedClients(Cache(connect(CacheSettings.read(Environment()))))


@cache
def control() -> CachedControl:
    """The control of the read model that the environment names; its connection outlives commands."""
    return CachedControl(Cache(connect(CacheSettings.read(Environment()))))


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Lambda's entry."""
    return carry_out(read(event), context)


def carry_out(command: Command, context: Context) -> dict[str, Any]:
    """Carry out one command; gives its answer as JSON has it.

    Raises DatabaseError, DatabaseUnavailable, CacheUnavailable.
    """
    write, cached = write_model(), read_model()
    match command:
        case Compare():
            comparison = _comparison(lag_s=command.lag_s, repair=command.repair)
            return {**asdict(comparison.page(command.after, command.limit)), "last": write.last()}
        case FindOrphans():
            return asdict(_comparison(lag_s=LAG_S, repair=command.repair).orphans(command.cursor))
        case Rebuild():
            if command.begin:
                begin(cached, command.after)
            return {**asdict(rebuild(write, cached, command.after, command.limit)), "last": write.last()}
        case Position():
            position = cached.position(WALK)
            return {"after": None if position is None else int(position), "last": write.last()}
        case Switch():
            return switch(command)
        case Pass():
            pace = Pace(PAGE_CLIENTS, Environment().integer("RECONCILE_PER_SECOND", least=1, most=10_000))
            passed = walk(
                _comparison(lag_s=LAG_S, repair=False), cached, pace,
                lambda: context.get_remaining_time_in_millis() / 1000, time.sleep, RESERVE_S,
            )  # fmt: skip
            return report(passed)


def switch(command: Switch) -> dict[str, Any]:
    """Carry out a command of a rebuild into another generation; tells what was done, and where it is then.

    `done` is False if a begin or an abandon came too late. Raises NoRoom, DatabaseError, CacheUnavailable.
    """
    done, stepped = True, Stepped()
    match command.do:
        case "begin":
            done = begin_switch(control())
        case "abandon":
            done = abandon(control())
        case "step":
            stepped = step(control(), write_model(), command.limit)
    state = control().state()
    return {**asdict(stepped), "done": done, **_told(state), "last": write_model().last()}


def _told(state: State) -> dict[str, Any]:
    return {
        "stage": state.stage, "active": state.active, "other": state.other, "begun": state.begun,
        "after": int(state.cursor) if state.stage == "filling" else 0,
    }  # fmt: skip


def report(passed: Passed) -> dict[str, Any]:
    """One log line, another one if there is drift, and the metrics; gives the counts."""
    kinds = Counter(drift.kind for drift in passed.drifts)
    counts = {
        "clients": passed.clients, "behind": passed.behind, "moving": passed.moving, "drifted": len(passed.drifts),
        "complete": passed.complete,
    }  # fmt: skip
    logger.info("compared", extra=counts)
    if passed.drifts:
        first = [asdict(drift) for drift in passed.drifts[:MOST_LOGGED]]
        logger.error("the read model has drifted from the write model", kinds=dict(kinds), first=first)
    metrics.add_metric(name="ClientsCompared", unit=MetricUnit.Count, value=passed.clients)
    metrics.add_metric(name="ClientsBehind", unit=MetricUnit.Count, value=passed.behind)
    metrics.add_metric(name="ClientsDrifted", unit=MetricUnit.Count, value=len(passed.drifts))
    metrics.flush_metrics()
    return counts


def _comparison(*, lag_s: int, repair: bool) -> Comparison:
    return Comparison(write_model(), read_model(), time.sleep, time.time, lag_s=lag_s, repair=repair)
