"""Alarms between the stream and the queues: caused, looked at, mended."""

from __future__ import annotations

from typing import Any

from tests.twin.alarms.alarm import alarm
from tests.twin.alarms.conftest import Ops
from tests.twin.alarms.rights import without
from tests.twin.conftest import System, depth
from tests.twin.waiting import until


def test_a_pipe_that_may_not_publish_gives_up_and_its_letters_are_redriven(system: System, run: Ops, sqs: Any) -> None:
    client, undelivered = system.new_client(), system.outputs["undelivered_url"]
    with without(system, "orders-local-pipe", "sns:Publish"):
        system.place(client)
        until(lambda: depth(sqs, undelivered) > 0, what="a letter", timeout_s=120)
        assert alarm(system, "pipe-dead-letters").rings(0)
        assert run("dlq", "list").exit_code == 1
        shown = run("dlq", "show", "pipe")
        assert "RetryAttemptsExhausted" in shown.output
        again = run("dlq", "redrive", "pipe", "--limit", "1")
        # Operators may publish: what fails for the pipe's role passes for theirs.
        assert again.exit_code == 0, again.output
    assert run("dlq", "redrive", "pipe").exit_code == 0
    system.place(client)
    system.converged(client)
    assert depth(sqs, undelivered) == 0


def test_a_stopped_pipe_is_told_and_started(system: System) -> None:
    client = system.new_client()
    pipes, name = system.twin.emulator.client("pipes"), system.outputs["pipe_name"]
    pipes.stop_pipe(Name=name)
    until(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "STOPPED", what="the pipe to stop")
    version = system.place(client)
    assert system.client.client(client, min_version=version).status_code in (404, 503)
    pipes.start_pipe(Name=name)
    system.converged(client)


def test_a_queue_that_is_closed_to_the_topic_gets_what_it_missed_by_a_reload(
    system: System, run: Ops, sqs: Any
) -> None:
    client, queue = system.new_client(), system.outputs["project_clients_queue_url"]
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    try:
        version = system.place(client)
        # The other consumer's queue takes it: the topic was there.
        ((event,),) = system.rows("select id::text from outbox where aggregate_id = %s", str(client))
        assert system.twin.journal.wait(event, "topic", 30) is not None
        assert system.client.client(client, min_version=version).status_code in (404, 503)
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)
    assert run("capture", "reload").exit_code == 0
    system.converged(client)


def test_a_message_that_is_no_json_reaches_nobody(system: System, sqs: Any) -> None:
    client = system.new_client()
    system.twin.emulator.client("sns").publish(TopicArn=system.outputs["topic_arn"], Message="no json")
    system.place(client)
    system.converged(client)
    for consumer in ("project_clients", "notify_client"):
        assert depth(sqs, system.outputs[f"{consumer}_dead_letter_url"]) == 0
