"""Configuration of reconciling: what is refused, what the alarm sees, and what the function is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.reconcile.commands import Pass, read
from infra.config import Config, load
from infra.errors import ConfigError
from infra.names import Names
from infra.reconciling import alarms
from policy.graph import Graph
from tests.infra.graph import program

NAMES = Names("orders", "dev", "eu-central-1")


def config(**values: Any) -> Config:
    return load({"region": "eu-central-1", **values}, NAMES)


@pytest.mark.parametrize(
    ("key", "value"),
    [("reconcileMinutes", 4), ("reconcileMinutes", 1441), ("reconcilePerSecond", 9), ("reconcilePerSecond", 10001)],
)
def test_wrong_values_are_refused(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"orders:{key}"):
        config(**{key: value})


@pytest.mark.parametrize("minutes", [5, 60, 1440])
def test_the_alarm_rings_at_the_first_drifted_client_of_any_run(minutes: int) -> None:
    (alarm,) = alarms(config(reconcileMinutes=minutes))
    assert (alarm.metric, alarm.threshold, alarm.statistic) == ("ClientsDrifted", 1, "Maximum")
    # "PutMetricAlarm": at most a day is evaluated.
    assert alarm.period * alarm.periods == minutes * 60 <= 86_400
    assert "ops reconcile" in alarm.meaning


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The resources of the dev stack."""
    return program("dev")


def test_the_schedule_asks_for_what_the_function_knows_once_events_arrive(graph: Graph) -> None:
    (schedule,) = [found for found in graph.of("scheduler/schedule:Schedule") if found.name == "reconcile-schedule"]
    assert schedule.inputs["scheduleExpression"] == "rate(60 minutes)"
    assert read(json.loads(schedule.inputs["target"]["input"])) == Pass()
    (pipe,) = graph.of("pipes/pipe:Pipe")
    assert graph.reaches(schedule, pipe)


def test_the_function_reads_the_database_as_operator_and_writes_the_cache(graph: Graph) -> None:
    (function,) = [found for found in graph.of("lambda/function:Function") if found.name == "reconcile-function"]
    wanted = {"DATABASE_USER": "operator", "CACHE_USER": "orders-dev-operator", "RECONCILE_PER_SECOND": "200"}
    assert wanted.items() <= function.inputs["environment"]["variables"].items()
    assert function.inputs["timeout"] == 300
