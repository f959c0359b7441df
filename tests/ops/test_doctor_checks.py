"""Each check of the doctor: what it says of each fault, and which command it names."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.checks import (
    cache,
    database,
    heartbeat,
    letters,
    mappings,
    pipe,
    queues,
    schedules,
    slot,
    stream,
    subscriptions,
    task,
)
from ops.checks.check import NotMade, Report, size, span
from tests.ops.staged import PLACE, SLOT, Stage, stage

__all__ = ["stage"]
RELOAD = "python -m ops --stack dev capture reload"
UUID = "5f2b0c1e-6a55-4f0b-9a57-0c2f4d1f3b10"
DEPLOY = "pulumi up --refresh --stack dev"


def one(report: Report, wrong: str, remedy: str) -> None:
    """The report has one finding, which says this."""
    (finding,) = report.findings
    assert wrong in finding.wrong
    assert remedy in finding.remedy


# Database and slot


def test_a_database_that_is_well(stage: Stage) -> None:
    stage.stores()
    report = database.look(stage.scene)
    assert (report.says, report.findings) == (
        "PostgreSQL 16.4, 10 of 100 connections, 5 events in the outbox, the oldest 50 s old", (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "wrong", "remedy"),
    [
        ({"error": "The database could not be reached: no route"}, "no route", "rds describe-db-clusters"),
        ({"in_recovery": True}, "takes no writes", "python -m ops --stack dev doctor"),
        ({"connections_used": 80}, "80 of 100 connections", "pg_stat_activity"),
    ],
)
def test_a_database_that_is_not(stage: Stage, state: dict[str, Any], wrong: str, remedy: str) -> None:
    stage.stores(state)
    one(database.look(stage.scene), wrong, remedy)


def test_a_slot_that_is_well(stage: Stage) -> None:
    stage.stores()
    report = slot.look(stage.scene)
    assert (report.says, report.findings) == ("slot (test_decoding) is read, keeps 1000 B", ())


STALE = {**SLOT, "name": "old", "active": False, "of_this_database": False, "retained_bytes": 3 * 2**30}


@pytest.mark.parametrize(
    ("slots", "wrong", "remedy"),
    [
        ([], "there is no replication slot", RELOAD),
        ([{**SLOT, "of_this_database": False}], "there is no replication slot", RELOAD),
        ([{**SLOT, "active": False, "wal_status": "lost", "retained_bytes": None}], "thrown away", RELOAD),
        ([{**SLOT, "active": False}], "nobody reads the slot", "capture start"),
        ([SLOT, STALE], "slot old is read by nobody and keeps 3.0 GiB", "pg_drop_replication_slot('old')"),
        ([{**SLOT, "retained_bytes": 2_000_000_000}], "keeps 1.9 GiB of log", "capture status"),
    ],
)
def test_a_slot_that_is_not(stage: Stage, slots: list[Any], wrong: str, remedy: str) -> None:
    stage.stores({"slots": slots})
    one(slot.look(stage.scene), wrong, remedy)


def test_of_a_database_out_of_reach_nobody_knows_the_slots(stage: Stage) -> None:
    stage.stores({"error": "gone"})
    with pytest.raises(NotMade, match="mend the database first"):
        slot.look(stage.scene)


# Task, stream, pipe


def described(**state: Any) -> dict[str, Any]:
    return {"ReplicationTasks": [{"ReplicationTaskIdentifier": "outbox", "Status": "running", **state}]}


def test_a_task_that_runs(stage: Stage) -> None:
    stage.says("dms", "describe_replication_tasks", described())
    report = task.look(stage.scene)
    assert (report.says, report.findings) == ("outbox is running", ())


@pytest.mark.parametrize(
    ("state", "wrong", "remedy"),
    [
        ({"Status": "stopped", "StopReason": "Stop Reason NORMAL"}, "is stopped: Stop Reason NORMAL", "capture start"),
        ({"Status": "ready"}, "the task is ready", "capture start"),
        ({"Status": "failed", "LastFailureMessage": "a\nno slot"}, "is failed: no slot", RELOAD),
        ({"Status": "starting"}, "the task is starting", "wait a minute"),
        ({"ReplicationTaskStats": {"TablesErrored": 1}}, "1 tables are in error", RELOAD),
    ],
)
def test_a_task_that_does_not(stage: Stage, state: dict[str, Any], wrong: str, remedy: str) -> None:
    stage.says("dms", "describe_replication_tasks", described(**state))
    one(task.look(stage.scene), wrong, remedy)


def test_a_task_that_is_gone(stage: Stage) -> None:
    stage.fails("dms", "describe_replication_tasks", "ResourceNotFoundFault")
    one(task.look(stage.scene), "there is no replication task", DEPLOY)


def point(maximum: float, minutes_ago: int) -> dict[str, Any]:
    return {"Timestamp": datetime.now(UTC) - timedelta(minutes=minutes_ago), "Maximum": maximum}


def stream_summary(status: str) -> dict[str, Any]:
    return {
        "StreamDescriptionSummary": {
            "StreamName": "events", "StreamARN": "arn:stream", "StreamStatus": status, "RetentionPeriodHours": 168,
            "StreamCreationTimestamp": 1, "EnhancedMonitoring": [], "OpenShardCount": 2,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "points", "wrong", "remedy"),
    [
        ("DELETING", [], "the stream is DELETING", DEPLOY),
        (
            "ACTIVE",
            [point(1.0, 5), point(60_000.0, 2)],
            "records wait 60 s in the stream",
            "describe-pipe --name events",
        ),
    ],
)
def test_a_stream_that_is_not_well(stage: Stage, status: str, points: list[Any], wrong: str, remedy: str) -> None:
    stage.says("kinesis", "describe_stream_summary", stream_summary(status))
    stage.says("cloudwatch", "get_metric_statistics", {"Datapoints": points})
    one(stream.look(stage.scene), wrong, remedy)


def test_the_newest_figure_counts(stage: Stage) -> None:
    stage.says("kinesis", "describe_stream_summary", stream_summary("UPDATING"))
    # CloudWatch gives them in no order.
    stage.says("cloudwatch", "get_metric_statistics", {"Datapoints": [point(5.0, 1), point(90_000.0, 9)]})
    assert stream.look(stage.scene).findings == ()


def test_a_stream_that_is_gone(stage: Stage) -> None:
    stage.fails("kinesis", "describe_stream_summary", "ResourceNotFoundException")
    one(stream.look(stage.scene), "there is no stream", RELOAD)


@pytest.mark.parametrize(
    ("state", "wrong", "remedy"),
    [
        ({"CurrentState": "STOPPED", "DesiredState": "STOPPED"}, "is STOPPED", "pipes start-pipe --name events"),
        (
            {"CurrentState": "START_FAILED", "DesiredState": "RUNNING", "StateReason": "no rights"},
            "START_FAILED: no rights",
            "start-pipe",
        ),
        ({"CurrentState": "STARTING", "DesiredState": "RUNNING"}, "is STARTING", "wait a minute"),
    ],
)
def test_a_pipe_that_does_not_run(stage: Stage, state: dict[str, Any], wrong: str, remedy: str) -> None:
    stage.says("pipes", "describe_pipe", {"Name": "events", **state})
    one(pipe.look(stage.scene), wrong, remedy)


def test_a_pipe_that_runs_and_one_that_is_gone(stage: Stage) -> None:
    stage.says("pipes", "describe_pipe", {"CurrentState": "RUNNING", "DesiredState": "RUNNING"})
    assert pipe.look(stage.scene).findings == ()
    stage.fails("pipes", "describe_pipe", "NotFoundException")
    one(pipe.look(stage.scene), "there is no pipe", DEPLOY)


# Subscriptions, queues, mappings, letters

SUBSCRIBED = {"SubscriptionArn": "arn:sub", "Endpoint": f"arn:aws:sqs:{PLACE}:pc", "Protocol": "sqs"}
WELL = {
    "FilterPolicy": json.dumps({"data": {"event_type": ["orders.A.v1", "orders.B.v1"]}}),
    "FilterPolicyScope": "MessageBody",
    "RawMessageDelivery": "true",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{PLACE}:pc-dead"}),
}


def subscribed(stage: Stage, **changed: str | None) -> Report:
    stage.says("sns", "list_subscriptions_by_topic", {"Subscriptions": [SUBSCRIBED]})
    attributes = {name: value for name, value in {**WELL, **changed}.items() if value is not None}
    stage.says("sns", "get_subscription_attributes", {"Attributes": attributes})
    return subscriptions.look(stage.scene)


def test_subscriptions_that_are_well(stage: Stage) -> None:
    assert subscribed(stage).findings == ()


@pytest.mark.parametrize(
    ("changed", "wrong", "remedy"),
    [
        ({"FilterPolicy": json.dumps({"data": {"event_type": ["orders.A.v1"]}})}, "orders.B.v1 not through", RELOAD),
        (
            {"FilterPolicy": json.dumps({"data": {"event_type": ["orders.A.v1", "orders.B.v1"], "id": [1]}})},
            "another than the program's",
            RELOAD,
        ),
        ({"FilterPolicy": None, "FilterPolicyScope": None}, "orders", DEPLOY),
        ({"FilterPolicyScope": "MessageAttributes"}, "is for MessageAttributes", RELOAD),
        ({"RawMessageDelivery": "false"}, "wrapped", RELOAD),
        ({"RedrivePolicy": None}, "has no DLQ", DEPLOY),
    ],
)
def test_a_subscription_that_was_changed(stage: Stage, changed: dict[str, str | None], wrong: str, remedy: str) -> None:
    report = subscribed(stage, **changed)
    one(report, wrong if changed.get("FilterPolicy", "") is not None else "another than the program's", remedy)


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        ([], "has no subscription"),
        ([{**SUBSCRIBED, "SubscriptionArn": "PendingConfirmation"}], "is PendingConfirmation"),
    ],
)
def test_a_subscription_that_is_gone(stage: Stage, listed: list[Any], wrong: str) -> None:
    stage.says("sns", "list_subscriptions_by_topic", {"Subscriptions": listed})
    one(subscriptions.look(stage.scene), wrong, RELOAD)


def test_a_topic_that_is_gone(stage: Stage) -> None:
    stage.fails("sns", "list_subscriptions_by_topic", "NotFound")
    one(subscriptions.look(stage.scene), "there is no topic", RELOAD)


REDRIVE = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{PLACE}:pc-dead", "maxReceiveCount": 5})}


def queue_report(stage: Stage, waiting: int, points: list[Any], redrive: dict[str, str] = REDRIVE) -> Report:
    counts = {"ApproximateNumberOfMessages": str(waiting), "ApproximateNumberOfMessagesNotVisible": "2"}
    stage.says("sqs", "get_queue_attributes", {"Attributes": {**counts, **redrive}})
    stage.says("cloudwatch", "get_metric_statistics", {"Datapoints": points})
    return queues.look(stage.scene)


def test_queues_that_are_well(stage: Stage) -> None:
    report = queue_report(stage, 9_999, [point(59.0, 1)])
    assert (report.says, report.findings) == ("project_clients: 9999 waiting, 2 in hand, oldest 59 s", ())


def test_queues_that_are_not(stage: Stage) -> None:
    one(
        queue_report(stage, 3, [point(60.0, 1)]),
        "3 messages wait for project_clients, the oldest for 60 s",
        "ops --stack dev log project_clients",
    )
    one(queue_report(stage, 10_000, []), "10000 messages wait for project_clients", "log project_clients")
    one(queue_report(stage, 0, [], {}), "has no DLQ", DEPLOY)
    stage.fails("sqs", "get_queue_attributes", "QueueDoesNotExist")
    one(queues.look(stage.scene), "there is no queue of project_clients", RELOAD)


@pytest.mark.parametrize(
    ("state", "result", "wrong", "remedy"),
    [
        ("Disabled", "", "is Disabled", f"lambda update-event-source-mapping --uuid {UUID} --enabled"),
        ("Disabling", "", "is Disabling", "--enabled"),
        ("Deleting", "", "is Deleting", DEPLOY),
        (
            "Enabled",
            "PROBLEM: access denied",
            "is not read: PROBLEM: access denied",
            "ops --stack dev log project_clients",
        ),
    ],
)
def test_a_mapping_that_does_not_work(stage: Stage, state: str, result: str, wrong: str, remedy: str) -> None:
    found = {"UUID": UUID, "State": state, "LastProcessingResult": result}
    stage.says("lambda", "list_event_source_mappings", {"EventSourceMappings": [found]})
    one(mappings.look(stage.scene), wrong, remedy)


def test_a_mapping_that_works_and_one_that_is_gone(stage: Stage) -> None:
    stage.says("lambda", "list_event_source_mappings", {"EventSourceMappings": [{"UUID": UUID, "State": "Enabled"}]})
    assert mappings.look(stage.scene).findings == ()
    stage.says("lambda", "list_event_source_mappings", {"EventSourceMappings": []})
    one(mappings.look(stage.scene), "nothing hands the messages of project_clients", DEPLOY)


def test_letters_are_counted_with_those_in_hand(stage: Stage) -> None:
    for waiting, in_hand in ((0, 0), (1, 1)):
        counts = {"ApproximateNumberOfMessages": str(waiting), "ApproximateNumberOfMessagesNotVisible": str(in_hand)}
        stage.says("sqs", "get_queue_attributes", {"Attributes": counts})
    report = letters.look(stage.scene)
    assert report.data == {"pipe": 0, "project_clients": 2}
    one(report, "2 letters in the dead-letter queue project_clients", "dlq redrive project_clients")


# Cache, heartbeat, schedules


def test_a_cache_that_is_well(stage: Stage) -> None:
    stage.stores()
    report = cache.look(stage.scene)
    assert (report.says, report.findings) == (
        "version 8.0, master, 976.6 KiB used, 5 keys, last heartbeat 30 s ago", (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "wrong", "remedy"),
    [
        ({"error": "The read model could not be reached"}, "could not be reached", "describe-replication-groups"),
        ({"role": "slave"}, "takes no writes", "doctor"),
        ({"memory_used": 8 * 10**8}, "memory are used", "cacheNodeType"),
        ({"evicted_keys": 3}, "3 keys were evicted", "ops --stack dev rebuild"),
        ({"keys": 2}, "2 keys for 3 clients: the cache was emptied", "ops --stack dev rebuild"),
        ({"heartbeat": None}, "no heartbeat is in it", "ops --stack dev rebuild"),
    ],
)
def test_a_cache_that_is_not(stage: Stage, state: dict[str, Any], wrong: str, remedy: str) -> None:
    stage.stores(cache=state)
    one(cache.look(stage.scene), wrong, remedy)


def test_a_cache_without_a_bound_is_not_full(stage: Stage) -> None:
    stage.stores(cache={"memory_max": 0})
    assert cache.look(stage.scene).findings == ()


def test_a_cache_is_told_of_though_the_database_is_not(stage: Stage) -> None:
    stage.stores({"error": "gone"})
    # What inspect_stores gives then.
    assert cache.look(stage.scene).findings == ()


@pytest.mark.parametrize(
    ("found", "wrong", "remedy"),
    [
        (
            {"arrived": False, "lag_ms": 200_000},
            "not arrived within 20 s; the oldest missing one left 3 min",
            "ops --stack dev log project_clients",
        ),
        ({"arrived": True, "lag_ms": 60_000}, "it took 60 s (bound: 60 s)", "look again"),
    ],
)
def test_a_heartbeat_that_is_late(stage: Stage, found: dict[str, Any], wrong: str, remedy: str) -> None:
    stage.stores()
    stage.invoked("heartbeat-physical", {"beat": 2, "newest": 1, **found})
    one(heartbeat.look(stage.scene), wrong, remedy)


def test_a_heartbeat_that_arrives(stage: Stage) -> None:
    stage.stores()
    stage.invoked("heartbeat-physical", {"beat": 2, "newest": 2, "arrived": True, "lag_ms": 310})
    report = heartbeat.look(stage.scene)
    assert (report.says, report.findings) == ("310 ms from the outbox to the read model", ())


def test_a_schedule_that_is_off_or_gone(stage: Stage) -> None:
    stage.says("scheduler", "get_schedule", {"Name": "prune", "State": "ENABLED"})
    assert schedules.look(stage.scene).findings == ()
    stage.says("scheduler", "get_schedule", {"Name": "prune", "State": "DISABLED"})
    one(schedules.look(stage.scene), "the schedule of prune_outbox is DISABLED", DEPLOY)
    stage.fails("scheduler", "get_schedule", "ResourceNotFoundException")
    one(schedules.look(stage.scene), "prune_outbox has no schedule", DEPLOY)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (2e9, "1.9 GiB"), (2**41, "2.0 TiB")]
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h")])
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
