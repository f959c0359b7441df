"""Nothing is lost and nothing is held up: kills, refusals, poison, resharding."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.twin.pipe.scene import Scene, change, wait_until


def test_a_kill_in_mid_flow_loses_nothing(scene: Scene) -> None:
    identifiers = [f"e-{number}" for number in range(3000)]
    process = scene.start_process()
    scene.put(identifiers[:2000])
    arrived: list[str] = []
    for floor in (200, 600):
        wait_until(partial(has_at_least, scene, floor), f"{floor} messages")
        process.kill()
        assert count(scene) < 3000, "the kill must come in mid-flow"
        process = scene.start_process()
    scene.put(identifiers[2000:])
    arrived = scene.take_until(identifiers)
    # At least once: what was sent after the last checkpoint comes again, all of it does not.
    assert len(arrived) < 2 * len(identifiers)


def has_at_least(scene: Scene, floor: int) -> bool:
    return count(scene) >= floor


def count(scene: Scene) -> int:
    attributes = scene.sqs.get_queue_attributes(
        QueueUrl=scene.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def test_a_poison_record_goes_to_the_dead_letter_queue_while_the_rest_flows_on(scene: Scene) -> None:
    scene.start_process()
    poison = json.loads(change("poison"))
    poison["data"]["payload"] = "x" * 300_000  # more than a topic takes
    scene.put([f"e-{number}" for number in range(5)])
    scene.put_raw([json.dumps(poison).encode()])
    scene.put([f"e-{number}" for number in range(5, 20)])
    arrived = scene.take_until(f"e-{number}" for number in range(20))
    assert sorted(arrived) == sorted(f"e-{number}" for number in range(20))
    (letter,) = wait_until(scene.dead_letters, "a dead letter")
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert letter["KinesisBatchInfo"]["batchSize"] == 1
    (record,) = read_between(scene, letter["KinesisBatchInfo"])
    assert json.loads(record["Data"])["data"]["id"] == "poison"


def read_between(scene: Scene, pointer: dict[str, Any]) -> list[dict[str, Any]]:
    iterator = scene.kinesis.get_shard_iterator(
        StreamARN=pointer["streamArn"],
        ShardId=pointer["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=pointer["startSequenceNumber"],
    )["ShardIterator"]
    records = scene.kinesis.get_records(ShardIterator=iterator)["Records"]
    return [record for record in records if record["SequenceNumber"] <= pointer["endSequenceNumber"]]


class FaultyTopic:
    """Wraps the SNS client: entries with a given text fail a number of times; every request is noted."""

    def __init__(self, folder: Path, failures: dict[str, int], busy: int = 0) -> None:
        self.requests: list[list[str]] = []
        self.checkpoints: list[str | None] = []
        self._failures = failures
        self._busy = busy
        self._file = folder / "pipe" / "checkpoints" / "shardId-000000000000.json"

    def __call__(self, service: str, client: Any) -> Any:
        if service == "sns":
            self._publish = client.publish_batch
            client.publish_batch = self.publish_batch
        return client

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, str]]) -> Any:  # noqa: N803
        entries = PublishBatchRequestEntries
        self.requests.append([json.loads(entry["Message"])["data"]["id"] for entry in entries])
        self.checkpoints.append(json.loads(self._file.read_text())["sequence_number"] if self._file.exists() else None)
        if self._busy:
            self._busy -= 1
            raise ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "PublishBatch")
        good: list[dict[str, str]] = []
        bad: list[dict[str, str]] = []
        for entry in entries:
            identifier = json.loads(entry["Message"])["data"]["id"]
            left = self._failures.get(identifier, 0)
            self._failures[identifier] = left - 1
            (bad if left > 0 else good).append(entry)
        if good:
            self._publish(TopicArn=TopicArn, PublishBatchRequestEntries=good)
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in bad]}


def test_only_failed_entries_are_published_again(scene: Scene) -> None:
    scene.put([f"e-{number}" for number in range(10)])
    topic = FaultyTopic(scene.folder, {"e-3": 2, "e-7": 1})
    scene.start_here(scene.document(maximumRetryAttempts=3), wrap=topic)
    arrived = scene.take_until(f"e-{number}" for number in range(10))
    assert sorted(arrived) == sorted(f"e-{number}" for number in range(10))
    assert topic.requests[1:] == [["e-3", "e-7"], ["e-3"]]


def test_a_throttled_topic_delays_and_loses_nothing(scene: Scene) -> None:
    scene.put(["e-1", "e-2"])
    topic = FaultyTopic(scene.folder, {}, busy=5)
    scene.start_here(scene.document(maximumRetryAttempts=0), wrap=topic)
    assert scene.take_until(["e-1", "e-2"]) == ["e-1", "e-2"]
    assert topic.requests == [["e-1", "e-2"]] * 6
    assert scene.dead_letters() == []


def test_the_checkpoint_never_runs_ahead_of_the_topic(scene: Scene) -> None:
    answer = scene.kinesis.put_records(
        StreamName=scene.name,
        Records=[{"Data": change(f"e-{number}"), "PartitionKey": "1"} for number in range(40)],
    )
    place = {f"e-{number}": record["SequenceNumber"] for number, record in enumerate(answer["Records"])}
    topic = FaultyTopic(scene.folder, {"e-5": 1, "e-25": 2})
    scene.start_here(scene.document(maximumRetryAttempts=5), wrap=topic)
    scene.take_until(place)
    for request, checkpoint in zip(topic.requests, topic.checkpoints, strict=True):
        if checkpoint is not None:
            assert all(place[identifier] > checkpoint for identifier in request)
    file = scene.folder / "pipe" / "checkpoints" / "shardId-000000000000.json"
    wait_until(
        lambda: file.exists() and json.loads(file.read_text())["sequence_number"] == place["e-39"],
        "the checkpoint at the last record",
    )


def test_a_record_counts_as_done_only_once_its_dead_letter_was_taken(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(["poison"])
    dead_letter_queue = scene.arn("sqs", f"{scene.name}-missing")
    document = scene.document(maximumRetryAttempts=0, deadLetterConfig={"arn": dead_letter_queue})
    topic = FaultyTopic(scene.folder, {"poison": 1_000_000})
    scene.start_here(document, wrap=topic)
    wait_until(lambda: topic.requests, "an attempt")
    wait_until(lambda: caplog.text.count("dead letter queue did not take") > 1, "a second attempt to bury it")
    scene.stop()
    assert not (scene.folder / "pipe" / "checkpoints" / "shardId-000000000000.json").exists()
    scene.dead_letter_url = scene.sqs.create_queue(QueueName=f"{scene.name}-missing")["QueueUrl"]
    scene.start_here(document, wrap=FaultyTopic(scene.folder, {"poison": 1_000_000}))
    assert len(wait_until(scene.dead_letters, "a dead letter")) == 1


def test_children_of_a_resharded_stream_are_read_after_their_parents(scene: Scene) -> None:
    scene.put([f"old-{number}" for number in range(50)])
    scene.kinesis.update_shard_count(StreamName=scene.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    for number in range(20):
        scene.put([f"new-{number}"], key=str(number))
    topic = FaultyTopic(scene.folder, {"old-49": 2})
    scene.start_here(scene.document(maximumRetryAttempts=5), wrap=topic)
    expected = [f"old-{number}" for number in range(50)] + [f"new-{number}" for number in range(20)]
    arrived = scene.take_until(expected)
    assert sorted(arrived) == sorted(expected)
    assert max(arrived.index(f"old-{number}") for number in range(50)) < min(
        arrived.index(f"new-{number}") for number in range(20)
    )


def test_shards_that_appear_while_the_pipe_runs_are_read_from_their_start(scene: Scene) -> None:
    scene.start_here(scene.document(startingPosition="LATEST"))
    scene.put(["e-0"])
    scene.take_until(["e-0"])
    shard = scene.kinesis.list_shards(StreamName=scene.name)["Shards"][0]
    scene.kinesis.split_shard(StreamName=scene.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(2**127))
    expected = [f"e-{number}" for number in range(1, 21)]
    for identifier in expected:
        scene.put([identifier], key=identifier)
    assert sorted(scene.take_until(expected)) == sorted(expected)


def test_an_ended_shard_is_not_read_again(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene()
    scene.put(["old"])
    scene.kinesis.update_shard_count(StreamName=scene.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    scene.start_here()
    scene.take_until(["old"])
    file = scene.folder / "pipe" / "checkpoints" / "shardId-000000000000.json"
    wait_until(lambda: file.exists() and json.loads(file.read_text())["ended"], "the end of the parent")
    scene.stop()
    scene.put(["new"])
    scene.start_here()
    assert scene.take_until(["new"]) == ["new"]


@pytest.mark.parametrize("start", ["LATEST", "AT_TIMESTAMP"])
def test_children_from_before_the_start_of_the_pipe_start_where_the_pipe_does(scene: Scene, start: str) -> None:
    scene.put(["parent"])
    scene.kinesis.update_shard_count(StreamName=scene.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    scene.put(["child"])
    moment = time.time() + 0.01
    wait_until(lambda: time.time() > moment, "a later millisecond")
    scene.start_here(scene.document(startingPosition=start, startingPositionTimestamp=moment))
    scene.put(["new"])
    assert scene.take_until(["new"]) == ["new"]
