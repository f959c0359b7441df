"""Alarms of the consumers and of what they write to: caused, looked at, mended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.twin.alarms.alarm import alarm, now_ms
from tests.twin.alarms.conftest import Ops
from tests.twin.alarms.rights import without
from tests.twin.alarms.test_capture import LEAST_LAG_S
from tests.twin.conftest import System, depth
from tests.twin.waiting import until
from twin.mails import sent


@pytest.fixture
def impatient(system: System, sqs: Any) -> Iterator[Any]:
    """The same SQS client; consumers give a message up after its first failure."""
    usual = {}
    for name, url in system.outputs.items():
        if name.endswith("_queue_url"):
            usual[url] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
            policy = {**json.loads(usual[url]["RedrivePolicy"]), "maxReceiveCount": 1}
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    yield sqs
    for url, attributes in usual.items():
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


@pytest.fixture
def cache(system: System) -> Iterator[redis.Redis]:
    """The cache, as its owner: without a limit before and after."""
    host, port = system.outputs["cache_host"], int(system.outputs["cache_port"])
    with redis.Redis(host=host, port=port, decode_responses=True) as client:
        yield client
        client.config_set("maxmemory", 0)


def test_a_consumer_that_stands_still_lets_messages_wait(system: System, sqs: Any) -> None:
    client, since, queue = system.new_client(), now_ms(), system.outputs["project_clients_queue_url"]
    age = alarm(system, "project-clients-age").at(LEAST_LAG_S)
    lag = alarm(system, "project-clients-lag").at(LEAST_LAG_S * 1000)
    mapping = system.process("event-source-orders-local-project")
    mapping.stop()
    try:
        system.place(client)
        until(lambda: depth(sqs, queue) == 1, what="the message")
        arrived = time.monotonic()
        # Looked at once only: each look counts as a receive.
        until(lambda: time.monotonic() - arrived > age.inputs["threshold"], what="it to wait too long")
        assert age.rings(0)
    finally:
        mapping.start()
    system.converged(client)
    until(lambda: lag.rings(since), what="the lag in the function's own metric")
    until(lambda: depth(sqs, queue) == 0, what="the queue to be worked off")
    assert not age.rings(0)
    until(lag.ended(lambda: system.place(client)), what="the alarm's end")


def test_a_full_cache_refuses_events_which_are_redriven_when_there_is_room(
    system: System, run: Ops, impatient: Any, cache: redis.Redis
) -> None:
    client, dead = system.new_client(), system.outputs["project_clients_dead_letter_url"]
    memory = alarm(system, "cache-1-memory")
    assert not memory.rings(0)
    info: Any = cache.info("memory")
    cache.config_set("maxmemory", info["used_memory"] // 2)
    system.place(client)
    until(lambda: depth(impatient, dead) > 0, what="a letter", timeout_s=120)
    assert memory.rings(0)
    assert alarm(system, "project-clients-dead-letters").rings(0)
    until(lambda: "maxmemory" in failing(run, "project_clients"), what="the reason")
    shown = run("dlq", "show", "project_clients")
    assert "maxmemory" in shown.output, shown.output
    assert run("log", "project_clients").exit_code == 1
    cache.config_set("maxmemory", 0)
    again = run("dlq", "redrive", "project_clients")
    assert again.exit_code == 0, again.output
    system.converged(client)
    assert not alarm(system, "project-clients-dead-letters").rings(0)


def test_mails_that_may_not_be_sent_are_sent_when_they_may(system: System, run: Ops, impatient: Any) -> None:
    dead, address = system.outputs["notify_client_dead_letter_url"], "withheld@b.example"
    ((client,),) = system.rows("insert into client (name, email) values ('Withheld', %s) returning id", address)
    with without(system, "orders-local-notify", "ses:SendEmail"):
        system.place(client)
        until(lambda: depth(impatient, dead) > 0, what="a letter", timeout_s=120)
        assert alarm(system, "notify-client-dead-letters").rings(0)
        # On a busy machine its first failure may be that it ran out of time.
        until(lambda: "AccessDenied" in failing(run, "notify_client"), what="the reason")
        shown = run("dlq", "show", "notify_client")
        assert f"client {client} v1" in shown.output
        assert "AccessDenied" in shown.output, shown.output
    again = run("dlq", "redrive", "notify_client")
    assert again.exit_code == 0, again.output
    until(lambda: mails_to(system, address) == 1, what="the mail")
    # Once more is no second mail.
    assert run("dlq", "redrive", "notify_client").exit_code == 0
    system.converged(client)
    assert mails_to(system, address) == 1


def failing(run: Ops, consumer: str) -> str:
    """What a redrive says that must fail."""
    failed = run("dlq", "redrive", consumer)
    assert failed.exit_code == 1, failed.output
    return failed.output


def mails_to(system: System, address: str) -> int:
    return sum(mail.to == (address,) for mail in sent(system.twin.emulator.endpoint))


def test_damage_in_the_read_model_is_found_by_the_schedules_function(
    system: System, run: Ops, cache: redis.Redis
) -> None:
    client, drift = system.new_client(), alarm(system, "read-model-drift")
    assert run("reconcile", "--repair", "--lag-seconds", "0").exit_code == 0
    system.place(client)
    system.converged(client)
    cache.hset(f"client:{{{client}}}", "total", "1.00")
    since = now_ms()

    def rings() -> bool:
        compare(system)
        return drift.rings(since)

    until(rings, what="the alarm")
    shown = run("reconcile")
    assert shown.exit_code == 1
    assert str(client) in shown.output
    assert run("reconcile", "--repair").exit_code == 0
    system.converged(client)
    until(drift.ended(lambda: compare(system)), what="the alarm's end")


def compare(system: System) -> None:
    """Run the function as its schedule does."""
    name = system.outputs["reconcile_function"]
    answer = system.twin.emulator.client("lambda").invoke(FunctionName=name, Payload=b'{"command": "pass"}')
    assert json.load(answer["Payload"])["complete"]


def test_a_schedule_that_may_not_invoke_leaves_a_letter(system: System, run: Ops, sqs: Any) -> None:
    dead = system.outputs["prune_outbox_dead_letter_url"]
    schedule = system.process(f"schedule-{system.outputs['prune_outbox_schedule']}")
    with without(system, "orders-local-prune-outbox-schedule", "lambda:InvokeFunction"):
        schedule.stop()
        # One that remembers nothing begins with a run.
        (schedule.log.parent / "memory.json").unlink()
        schedule.start()
        until(lambda: depth(sqs, dead) == 1, what="a letter")
        assert alarm(system, "prune-outbox-dead-letters").rings(0)
        assert run("dlq", "list").exit_code == 1
        shown = run("dlq", "show", "prune_outbox")
        assert "AccessDenied" in shown.output, shown.output
    again = run("dlq", "redrive", "prune_outbox")
    assert again.exit_code == 0, again.output
    assert depth(sqs, dead) == 0
