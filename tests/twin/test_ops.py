"""The operator's commands against the running system, as an operator types them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ops.stack
from ops.cli import app
from tests.twin.conftest import System, depth
from tests.twin.waiting import until

Ops = Callable[..., Result]


@pytest.fixture
def ops_run(system: System, monkeypatch: pytest.MonkeyPatch) -> Ops:
    """Runs `ops --twin <words>` against the system's own outputs file."""
    monkeypatch.setattr(ops.stack.of_twin, "__defaults__", (system.twin.folder.outputs_file,))
    monkeypatch.setattr(ops.stack.find, "__defaults__", (system.twin.folder.outputs_file,))
    # Wide, so that no line of the output is broken.
    runner = CliRunner(env={"COLUMNS": "250"})
    return lambda *words: runner.invoke(app, ["--twin", *words], catch_exceptions=False)


@pytest.fixture
def sqs(system: System) -> Iterator[Any]:
    """An SQS client; the projector's dead letters are empty before and after."""
    client = system.twin.emulator.client("sqs")
    client.purge_queue(QueueUrl=system.outputs["project_clients_dead_letter_url"])
    client.purge_queue(QueueUrl=system.outputs["undelivered_url"])
    yield client
    client.purge_queue(QueueUrl=system.outputs["project_clients_dead_letter_url"])
    client.purge_queue(QueueUrl=system.outputs["undelivered_url"])


def sent(system: System, client: int) -> str:
    """The message of a client's newest event, as the projector's queue had it."""
    ((row,),) = system.rows(
        "select row_to_json(o) from outbox o where aggregate_id = %s order by version desc limit 1", str(client)
    )
    metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
    return json.dumps({"data": row, "metadata": metadata})


def test_an_empty_system_has_no_letters(ops_run: Ops, sqs: Any) -> None:
    result = ops_run("dlq", "list", "--json")
    assert result.exit_code == 0, result.output
    assert {each["name"]: each["letters"] for each in json.loads(result.output)}["project_clients"] == 0


def test_letters_are_counted_and_shown_without_what_is_personal(system: System, ops_run: Ops, sqs: Any) -> None:
    client = system.new_client()
    system.place(client)
    dead = system.outputs["project_clients_dead_letter_url"]
    sqs.send_message(QueueUrl=dead, MessageBody=sent(system, client))
    listed = ops_run("dlq", "list", "--json")
    assert listed.exit_code == 1
    assert {each["name"]: each["letters"] for each in json.loads(listed.output)}["project_clients"] == 1
    shown = ops_run("dlq", "show", "project_clients")
    assert f"orders.OrderPlaced.v1 client {client} v1" in shown.output
    assert "a@b.example" not in shown.output
    assert "a@b.example" in ops_run("dlq", "show", "project_clients", "--reveal").output
    until(lambda: depth(sqs, dead) == 1, what="the letter is still there")


def test_poison_says_why_and_stays(system: System, ops_run: Ops, sqs: Any) -> None:
    marker = uuid.uuid4().hex
    queue, dead = system.outputs["project_clients_queue_url"], system.outputs["project_clients_dead_letter_url"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"poison": marker}))
    until(lambda: depth(sqs, dead) == 1, what="the poison is given up", timeout_s=120)
    shown = ops_run("dlq", "show", "project_clients")
    assert "the message is not {data:" in shown.output, shown.output
    again = ops_run("dlq", "redrive", "project_clients")
    assert again.exit_code == 1
    assert "0 letters were taken, 1 failed again" in again.output
    assert "the message is not {data:" in again.output, again.output
    until(lambda: depth(sqs, dead) == 1, what="the letter is still there")
    (letter,) = re.findall(r"^([0-9a-f-]{36})  ", again.output, re.MULTILINE)
    assert ops_run("dlq", "delete", "project_clients", letter).exit_code == 0
    until(lambda: depth(sqs, dead) == 0, what="the letter is gone")


def test_a_redriven_event_is_projected_and_leaves(system: System, ops_run: Ops, sqs: Any) -> None:
    client = system.new_client()
    system.place(client)
    system.converged(client)
    dead = system.outputs["project_clients_dead_letter_url"]
    event = sent(system, client)
    # The read model loses the client: only the letter can bring it back.
    system.forget(client)
    for _ in range(12):
        sqs.send_message(QueueUrl=dead, MessageBody=event)
    again = ops_run("dlq", "redrive", "project_clients")
    assert again.exit_code == 0, again.output
    assert "12 letters were taken, 0 failed again" in again.output
    assert depth(sqs, dead) == 0
    system.converged(client)


def test_the_pipes_letters_are_fetched_from_the_stream(system: System, ops_run: Ops, sqs: Any) -> None:
    client = system.new_client()
    system.place(client)
    system.converged(client)
    letter = pointer(system, client)
    system.forget(client)
    sqs.send_message(QueueUrl=system.outputs["undelivered_url"], MessageBody=json.dumps(letter))
    assert "RetryAttemptsExhausted" in ops_run("dlq", "show", "pipe").output
    again = ops_run("dlq", "redrive", "pipe")
    assert again.exit_code == 0, again.output
    assert depth(sqs, system.outputs["undelivered_url"]) == 0
    system.converged(client)


def test_records_that_left_the_stream_are_told(system: System, ops_run: Ops, sqs: Any) -> None:
    client = system.new_client()
    system.place(client)
    system.converged(client)
    letter = pointer(system, client)
    letter["KinesisBatchInfo"]["batchSize"] = 3
    sqs.send_message(QueueUrl=system.outputs["undelivered_url"], MessageBody=json.dumps(letter))
    again = ops_run("dlq", "redrive", "pipe")
    assert again.exit_code == 1
    assert "2 of 3 records are no longer in the stream" in again.output
    until(lambda: depth(sqs, system.outputs["undelivered_url"]) == 1, what="the letter is still there")


@pytest.mark.parametrize("body", ["no json", "{}", "[]", '{"KinesisBatchInfo": {"shardId": "x"}}'])
def test_a_letter_that_is_none_of_a_pipe_is_told(system: System, ops_run: Ops, sqs: Any, body: str) -> None:
    sqs.send_message(QueueUrl=system.outputs["undelivered_url"], MessageBody=body)
    again = ops_run("dlq", "redrive", "pipe")
    assert again.exit_code == 1
    assert "none of a pipe" in again.output


def test_a_schedules_letter_is_run_again(system: System, ops_run: Ops, sqs: Any) -> None:
    kinds = {each["name"]: each["kind"] for each in json.loads(ops_run("dlq", "list", "--json").output)}
    assert kinds["prune_outbox"] == "schedule"
    dead = system.outputs["prune_outbox_dead_letter_url"]
    why = {"ERROR_CODE": {"DataType": "String", "StringValue": "ThrottlingException"}}
    sqs.send_message(QueueUrl=dead, MessageBody="{}", MessageAttributes=why)
    assert "ThrottlingException" in ops_run("dlq", "show", "prune_outbox").output
    again = ops_run("dlq", "redrive", "prune_outbox")
    assert again.exit_code == 0, again.output
    assert depth(sqs, dead) == 0


def test_an_unknown_queue_is_told_with_the_known_ones(ops_run: Ops) -> None:
    with pytest.raises(Exception, match="choose one of pipe, "):
        ops_run("dlq", "show", "nothing")


def test_the_capture_is_stopped_started_and_loaded_anew(system: System, ops_run: Ops) -> None:
    client = system.new_client()
    assert ops_run("capture", "status").exit_code == 0
    assert ops_run("capture", "stop").exit_code == 0
    assert ops_run("capture", "status").exit_code == 1
    system.place(client)
    assert ops_run("capture", "start").exit_code == 0
    system.converged(client)
    system.forget(client)
    assert ops_run("capture", "reload").exit_code == 0
    system.converged(client)


def aggregate(data: bytes) -> object:
    """The aggregate that a record is about; None for what other tests put into the stream."""
    try:
        return json.loads(data)["data"].get("aggregate_id")
    except (ValueError, KeyError):
        return None


def pointer(system: System, client: int) -> dict[str, Any]:
    """A letter of the pipe about the record of a client's last event, found in the stream."""
    kinesis, stream = system.twin.emulator.client("kinesis"), system.outputs["stream_arn"]
    for shard in kinesis.list_shards(StreamARN=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamARN=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = kinesis.get_records(StreamARN=stream, ShardIterator=iterator)
            for record in answer["Records"]:
                if aggregate(record["Data"]) == str(client):
                    number = record["SequenceNumber"]
                    return {
                        "context": {
                            "partnerResourceArn": system.outputs["pipe_arn"],
                            "condition": "RetryAttemptsExhausted",
                        },
                        "version": "1.0",
                        "KinesisBatchInfo": {
                            "shardId": shard["ShardId"],
                            "startSequenceNumber": number,
                            "endSequenceNumber": number,
                            "batchSize": 1,
                            "streamArn": stream,
                        },
                    }
            if not answer["Records"]:
                break
            iterator = answer["NextShardIterator"]
    raise AssertionError(f"no record of client {client} in the stream")
