"""`ops doctor` on the running system: each fault is caused, told with the command that mends it, and mended by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from typer.testing import CliRunner, Result

import ops.checks.heartbeat
import ops.stack
from ops.cli import app
from tests.twin.conftest import System, depth
from tests.twin.test_control import drop
from tests.twin.waiting import until

Run = Callable[..., Result]
Found = dict[str, dict[str, Any]]


@pytest.fixture
def run(system: System, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `ops --twin <words>` against the system, which is well when a test begins."""
    monkeypatch.setattr(ops.stack.of_twin, "__defaults__", (system.twin.folder.outputs_file,))
    monkeypatch.setattr(ops.stack.find, "__defaults__", (system.twin.folder.outputs_file,))
    # A way that is blocked stays so.
    monkeypatch.setattr(ops.checks.heartbeat, "WAIT_MS", 3000)
    runner = CliRunner()

    def run(*words: str) -> Result:
        return runner.invoke(app, ["--twin", *words], catch_exceptions=False)

    sqs = system.twin.emulator.client("sqs")
    for name, url in system.outputs.items():
        if name.endswith("_dead_letter_url") or name == "undelivered_url":
            sqs.purge_queue(QueueUrl=url)
    # Other tests add clients without an event.
    run("reconcile", "--repair", "--lag-seconds", "0")
    healed(run)
    return run


def examined(run: Run) -> Found:
    """What the doctor says, by check; its exit code fits."""
    result = run("doctor", "--json")
    checks = json.loads(result.output)["checks"]
    states = {check["state"] for check in checks}
    assert result.exit_code == (1 if "wrong" in states else 3 if "not made" in states else 0), result.output
    return {check["name"]: check for check in checks}


def healed(run: Run) -> None:
    """Wait until the doctor finds nothing."""
    found: Found = {}

    def well() -> bool:
        found.update(examined(run))
        return all(check["state"] == "well" for check in found.values())

    try:
        until(well, what="the system to be well", timeout_s=120)
    except AssertionError as error:
        raise AssertionError([check for check in found.values() if check["state"] != "well"]) from error


def told(found: Found, name: str, wrong: str, remedy: str) -> None:
    """A check says this, and names this."""
    findings = found[name]["findings"]
    assert any(wrong in each["wrong"] and remedy in each["remedy"] for each in findings), found[name]


def test_a_system_that_is_well(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[-1] == "All is well."
    assert [line.split(": ")[1] for line in lines[:-1]] == ["well"] * 12
    found = examined(run)
    assert found["heartbeat"]["data"]["arrived"]
    assert found["slot"]["data"]["slots"][0]["active"]
    assert set(found["schedules"]["data"].values()) == {"ENABLED"}
    assert "project_clients: Enabled" in found["mappings"]["says"]


def test_a_stopped_task(run: Run) -> None:
    assert run("capture", "stop").exit_code == 0
    try:
        found = examined(run)
        told(found, "task", "the task is stopped", "python -m ops --twin capture start")
        told(found, "slot", "nobody reads the slot", "capture start")
        told(found, "heartbeat", "has not arrived", "first thing above")
        assert found["pipe"]["state"] == found["cache"]["state"] == "well"
    finally:
        assert run("capture", "start").exit_code == 0
    healed(run)


def test_a_lost_slot(system: System, run: Run) -> None:
    ((slot,),) = system.rows("select slot_name from pg_replication_slots")
    assert run("capture", "stop").exit_code == 0
    drop(system, slot)
    try:
        told(examined(run), "slot", "there is no replication slot", "python -m ops --twin capture reload")
    finally:
        assert run("capture", "reload").exit_code == 0
    healed(run)


def test_a_stopped_pipe(system: System, run: Run) -> None:
    pipes, name = system.twin.emulator.client("pipes"), system.outputs["pipe_name"]
    pipes.stop_pipe(Name=name)
    try:
        until(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "STOPPED", what="the pipe to stop")
        found = examined(run)
        told(found, "pipe", "the pipe is STOPPED", f"pipes start-pipe --name {name}")
        told(found, "heartbeat", "has not arrived", "first thing above")
        assert found["task"]["state"] == found["slot"]["state"] == "well"
    finally:
        pipes.start_pipe(Name=name)
    healed(run)


@contextmanager
def subscription(system: System) -> Iterator[tuple[Any, str, dict[str, str]]]:
    """The projector's subscription: a client, its ARN, and its attributes, which are put back."""
    sns = system.twin.emulator.client("sns")
    queue = system.outputs["project_clients_queue_url"].rpartition("/")[2]
    listed = sns.list_subscriptions_by_topic(TopicArn=system.outputs["topic_arn"])["Subscriptions"]
    (arn,) = [one["SubscriptionArn"] for one in listed if one["Endpoint"].endswith(f":{queue}")]
    endpoint = next(one["Endpoint"] for one in listed if one["SubscriptionArn"] == arn)
    kept = ("FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    before = {name: attributes[name] for name in kept}
    try:
        yield sns, arn, before
    finally:
        listed = sns.list_subscriptions_by_topic(TopicArn=system.outputs["topic_arn"])["Subscriptions"]
        if arn in [one["SubscriptionArn"] for one in listed]:
            for name, value in before.items():
                sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        else:
            sns.subscribe(
                TopicArn=system.outputs["topic_arn"], Protocol="sqs", Endpoint=endpoint, Attributes=before
            )  # fmt: skip


def test_a_filter_that_lets_too_little_through(system: System, run: Run) -> None:
    with subscription(system) as (sns, arn, _):
        less = json.dumps({"data": {"event_type": ["orders.Heartbeat.v1"]}})
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=less)
        found = examined(run)
        told(found, "subscriptions", "orders.OrderPlaced.v1 not through", "python -m ops --twin capture reload")
    healed(run)


def test_a_deleted_subscription(system: System, run: Run) -> None:
    client = system.new_client()
    with subscription(system) as (sns, arn, _):
        sns.unsubscribe(SubscriptionArn=arn)
        found = examined(run)
        told(found, "subscriptions", "project_clients has no subscription", "python -m ops --twin capture reload")
        told(found, "heartbeat", "has not arrived", "first thing above")
        system.place(client)
    # What was published past it is sent again.
    assert run("capture", "reload").exit_code == 0
    system.converged(client)
    healed(run)


def test_a_mapping_that_is_disabled(system: System, run: Run) -> None:
    functions = system.twin.emulator.client("lambda")
    listed = functions.list_event_source_mappings(FunctionName=system.outputs["project_clients_function"])
    (uuid,) = [one["UUID"] for one in listed["EventSourceMappings"]]
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        found = examined(run)
        told(found, "mappings", "is Disabled", f"lambda update-event-source-mapping --uuid {uuid} --enabled")
    finally:
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    healed(run)


def test_poison_in_a_dead_letter_queue(system: System, run: Run) -> None:
    sqs, dead = system.twin.emulator.client("sqs"), system.outputs["project_clients_dead_letter_url"]
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    try:
        told(examined(run), "dead letters", "1 letter", "python -m ops --twin dlq show project_clients")
    finally:
        sqs.purge_queue(QueueUrl=dead)
    until(lambda: depth(sqs, dead) == 0, what="the letter to go")
    healed(run)


def test_an_emptied_cache(system: System, run: Run) -> None:
    system.new_client()
    with redis.Redis(host=system.outputs["cache_host"], port=int(system.outputs["cache_port"])) as cache:
        # The schedule may take a beat just now, but the clients stay away.
        cache.flushall()
        found = examined(run)
    told(found, "cache", "the cache was emptied", "python -m ops --twin rebuild")
    assert run("rebuild").exit_code == 0
    healed(run)
