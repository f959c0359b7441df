"""Configuration of pruning and of schedules: what is refused, and what the alarms and the function follow from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.config import Config, load
from infra.errors import ConfigError
from infra.names import Names
from infra.pruning import alarms
from infra.schedule import every
from policy.graph import Graph
from tests.infra.graph import program

NAMES = Names("orders", "dev", "eu-central-1")


def config(**values: Any) -> Config:
    return load({"region": "eu-central-1", **values}, NAMES)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"outboxHours": 23}, "orders:outboxHours"),
        ({"pruneMinutes": 61}, "orders:pruneMinutes"),
        ({"pruneMinutes": 0}, "orders:pruneMinutes"),
        ({"prunePerSecond": 501}, "orders would wait behind deletions"),
        ({"prunePerSecond": 9}, "orders:prunePerSecond"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config(**values)


@pytest.mark.parametrize("values", [{"streamShards": 2}, {"streamMode": "ON_DEMAND"}])
def test_a_wider_stream_takes_faster_removal(values: dict[str, Any]) -> None:
    assert config(prunePerSecond=1000, **values).prune_per_second == 1000


@pytest.mark.parametrize("minutes", [1, 10, 60])
def test_the_alarms_see_every_run_and_fit_into_a_day(minutes: int) -> None:
    for alarm in alarms(config(pruneMinutes=minutes)):
        assert alarm.period == minutes * 60
        # "PutMetricAlarm": at most a day is evaluated.
        assert alarm.period * alarm.periods <= 86_400


def test_a_missing_run_rings_like_a_missing_slot() -> None:
    missing, age = alarms(config(outboxHours=24))
    assert (missing.metric, missing.missing, missing.threshold) == ("SlotMissing", "breaching", 1)
    assert (age.metric, age.threshold) == ("OutboxOldestAge", 50 * 3600)


def test_rates_are_written_as_the_scheduler_wants_them() -> None:
    assert (every(1), every(10)) == ("rate(1 minute)", "rate(10 minutes)")


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The resources of the dev stack."""
    return program("dev")


def test_the_schedule_may_invoke_the_function_and_fill_its_queue_and_nothing_else(graph: Graph) -> None:
    (policy,) = [found for found in graph.of("RolePolicy") if found.name == "prune-outbox-schedule-policy"]
    statements = json.loads(policy.inputs["policy"])["Statement"]
    assert [statement["Action"] for statement in statements] == [["lambda:InvokeFunction"], ["sqs:SendMessage"]]
    assert [statement["Resource"].rpartition(":")[2] for statement in statements] == [
        "orders-dev-prune-outbox", "orders-dev-prune-outbox-dead"
    ]  # fmt: skip


def test_the_schedule_is_bounded_and_waits_for_the_task(graph: Graph) -> None:
    (schedule,) = [found for found in graph.of("scheduler/schedule:Schedule") if found.name == "prune-outbox-schedule"]
    assert schedule.inputs["scheduleExpression"] == "rate(10 minutes)"
    assert schedule.inputs["flexibleTimeWindow"] == {"mode": "OFF"}
    target = schedule.inputs["target"]
    assert target["retryPolicy"] == {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 600}
    assert target["deadLetterConfig"]["arn"].endswith(":orders-dev-prune-outbox-dead")
    (task,) = graph.of("ReplicationTask")
    assert graph.reaches(schedule, task)


def test_the_function_logs_in_as_maintenance_and_knows_its_bounds(graph: Graph) -> None:
    (function,) = [found for found in graph.of("lambda/function:Function") if found.name == "prune-outbox-function"]
    variables = function.inputs["environment"]["variables"]
    wanted = {
        "DATABASE_USER": "maintenance", "OUTBOX_HOURS": "72", "IDEMPOTENCY_HOURS": "24", "PRUNE_PER_SECOND": "200",
    }  # fmt: skip
    assert wanted.items() <= variables.items()
    assert function.inputs["timeout"] == 600
