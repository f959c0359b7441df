"""The heartbeat in the program: what rings, what the function is given, and when the first beat is taken."""

from __future__ import annotations

import json

import pytest

from functions.heartbeat.handler import wait
from infra.config import load
from infra.heartbeat import alarms
from infra.names import Names
from policy.graph import Graph
from tests.infra.graph import program


def test_a_stall_rings_within_minutes_and_a_heartbeat_that_stopped_as_well() -> None:
    config = load({"region": "eu-central-1", "alarmLagSeconds": 30}, Names("orders", "dev", "eu-central-1"))
    (alarm,) = alarms(config)
    assert (alarm.metric, alarm.threshold, alarm.statistic) == ("HeartbeatLag", 30_000, "Maximum")
    assert (alarm.missing, alarm.period * alarm.periods) == ("breaching", 180)
    assert "ops doctor" in alarm.meaning


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The resources of the dev stack."""
    return program("dev")


def test_a_beat_is_taken_every_minute_once_the_way_is_there(graph: Graph) -> None:
    (schedule,) = [found for found in graph.of("scheduler/schedule:Schedule") if found.name == "heartbeat-schedule"]
    assert schedule.inputs["scheduleExpression"] == "rate(1 minute)"
    assert 0 < wait(json.loads(schedule.inputs["target"]["input"])) < 60_000
    for step in (graph.one("pipes/pipe:Pipe"), graph.one("dms/replicationTask:ReplicationTask")):
        assert graph.reaches(schedule, step)
    # Otherwise it would ring while the stack is made, and when it goes.
    (alarm,) = [found for found in graph.of("MetricAlarm") if found.name == "alarm-heartbeat-lag"]
    assert graph.reaches(alarm, schedule)


def test_the_function_reads_both_ends_and_writes_the_database_as_operator(graph: Graph) -> None:
    (function,) = [found for found in graph.of("lambda/function:Function") if found.name == "heartbeat-function"]
    wanted = {"DATABASE_USER": "operator", "CACHE_USER": "orders-dev-reader"}
    assert wanted.items() <= function.inputs["environment"]["variables"].items()
    # A run is over before the next one begins.
    assert function.inputs["timeout"] <= 60


def test_beats_go_to_the_projector_and_to_no_other_consumer(graph: Graph) -> None:
    takers = {
        found.name
        for found in graph.of("sns/topicSubscription:TopicSubscription")
        if "orders.Heartbeat.v1" in (found.inputs.get("filterPolicy") or "")
    }
    assert takers == {"project-clients-subscription"}
