"""Records flow from the stream to the topic, on the real emulator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.twin.pipe.scene import Scene, change, wait_until
from twin.emulator import Emulator


def test_a_change_becomes_the_message_of_the_template(scene: Scene) -> None:
    scene.start_process()
    scene.put(["e-1"])
    message = wait_until(scene.delivered, "a message")
    assert message == [
        {
            "data": {"id": "e-1", "aggregate_id": "1", "payload": '{"total": "1.50"}'},
            "metadata": {"record-type": "data", "operation": "insert", "table-name": "outbox"},
        }
    ]


def test_the_trace_tells_when_events_were_read_and_accepted(scene: Scene) -> None:
    scene.start_process()
    before = time.time()
    scene.put(["e-1", "e-2"])
    wait_until(lambda: any(line["hop"] == "topic" for line in scene.lines), "a trace line")
    hops = [line for line in scene.lines if line["hop"] != "ready"]
    assert [(line["hop"], line["events"]) for line in hops] == [("pipe", ["e-1", "e-2"]), ("topic", ["e-1", "e-2"])]
    assert before <= hops[0]["at"] <= hops[1]["at"] <= time.time()


def test_without_a_template_the_message_is_the_record_with_base64_data(scene: Scene) -> None:
    document = scene.document()
    document["target_parameters"] = None
    scene.start_here(document)
    scene.put_raw([change("e-1")], key="7")
    (message,) = wait_until(scene.delivered, "a message")
    assert message["partitionKey"] == "7"
    assert message["eventID"] == f"shardId-000000000000:{message['sequenceNumber']}"
    assert message["eventSource"] == "aws:kinesis"
    assert message["data"].startswith("eyJkYXRhIjog")


def test_the_filter_drops_what_does_not_match_and_what_is_not_json(scene: Scene) -> None:
    scene.start_here()
    scene.put_raw(
        [
            change("control", **{"record-type": "control"}),
            b"no json",
            b"\xff\xfe",
            b'"a string"',
            change("update", operation="update"),
            change("e-1"),
        ]
    )
    assert scene.take_until(["e-1"]) == ["e-1"]


def test_dropped_records_are_not_read_again_after_a_restart(scene: Scene) -> None:
    scene.put_raw([change("update", operation="update")])
    scene.start_here()
    checkpoint = scene.folder / "pipe" / "checkpoints" / "shardId-000000000000.json"
    wait_until(checkpoint.exists, "a checkpoint")
    scene.stop()
    document = scene.document()
    document["source_parameters"]["filterCriteria"] = None
    scene.start_here(document)
    scene.put(["e-1"])
    assert scene.take_until(["e-1"]) == ["e-1"]


def test_all_shards_are_read(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(shards=3)
    scene.start_here()
    for number in range(30):
        scene.put([f"e-{number}"], key=str(number))
    assert len(scene.take_until(f"e-{number}" for number in range(30))) == 30


def test_trim_horizon_takes_what_was_there_before_and_latest_does_not(make_scene: Callable[..., Scene]) -> None:
    oldest, latest = make_scene(), make_scene()
    for scene in (oldest, latest):
        scene.put(["before"])
    oldest.start_here(oldest.document(startingPosition="TRIM_HORIZON"))
    latest.start_here(latest.document(startingPosition="LATEST"))
    for scene in (oldest, latest):
        scene.put(["after"])
    assert oldest.take_until(["after"]) == ["before", "after"]
    assert latest.take_until(["after"]) == ["after"]


def test_latest_means_since_the_first_start_also_after_a_restart(scene: Scene) -> None:
    scene.put(["before"])
    document = scene.document(startingPosition="LATEST")
    scene.start_here(document)
    scene.stop()
    scene.put(["while stopped"])
    scene.start_here(document)
    assert scene.take_until(["while stopped"]) == ["while stopped"]


def test_at_timestamp_takes_what_came_since(scene: Scene) -> None:
    scene.put(["early"])
    wait_until(lambda: time.time() > start, "a later millisecond") if (start := time.time() + 0.01) else None
    scene.put(["late"])
    scene.start_here(scene.document(startingPosition="AT_TIMESTAMP", startingPositionTimestamp=start))
    assert scene.take_until(["late"]) == ["late"]


def test_a_stopped_pipe_reads_nothing_until_it_is_started(scene: Scene) -> None:
    scene.put(["e-1"])
    scene.start_here({**scene.document(), "desired_state": "STOPPED"})
    scene.stop()
    assert scene.delivered() == []
    assert not (scene.folder / "pipe" / "checkpoints" / "stream.json").exists()
    scene.start_here()
    assert scene.take_until(["e-1"]) == ["e-1"]


def test_a_queue_can_be_the_target(scene: Scene) -> None:
    scene.start_here({**scene.document(), "target_arn": scene.arn("sqs", scene.name)})
    scene.put(["e-1"])
    assert scene.take_until(["e-1"]) == ["e-1"]


def test_a_batching_window_gathers_records_of_several_writes(scene: Scene) -> None:
    batches: list[int] = []
    scene.start_here(scene.document(maximumBatchingWindowInSeconds=300, batchSize=4), wrap=counting_batches(batches))
    for number in range(8):
        scene.put([f"e-{number}"])
    scene.take_until(f"e-{number}" for number in range(8))
    assert batches == [4, 4]


def counting_batches(batches: list[int]) -> Callable[[str, Any], Any]:
    def wrap(service: str, client: Any) -> Any:
        if service == "sns":
            publish = client.publish_batch

            def publish_batch(**request: Any) -> Any:
                batches.append(len(request["PublishBatchRequestEntries"]))
                return publish(**request)

            client.publish_batch = publish_batch
        return client

    return wrap


def test_a_record_wakes_the_waiting_reader(scene: Scene) -> None:
    reads: list[int] = []

    def wrap(service: str, client: Any) -> Any:
        if service == "kinesis":
            get_records = client.get_records

            def counted(**request: Any) -> Any:
                answer = get_records(**request)
                reads.append(len(answer["Records"]))
                return answer

            client.get_records = counted
        return client

    scene.start_here(wrap=wrap)
    for number in range(5):
        scene.put([f"e-{number}"])
        scene.take_until([f"e-{number}"])
    # A reader that polled would have read in vain between two records.
    assert [count for count in reads if count] == [1] * 5
    assert reads.count(0) <= 1


@pytest.mark.parametrize("kind", ["gone", "emptied"])
def test_a_stream_that_is_made_anew_is_read_from_its_oldest_record(scene: Scene, kind: str) -> None:
    scene.start_here()
    scene.put(["e-1"])
    scene.take_until(["e-1"])
    if kind == "emptied":
        scene.stop()
    scene.kinesis.delete_stream(StreamName=scene.name)
    # The time of creation has whole seconds; a stream made anew within one could not be told from the old one.
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second, "the next second")
    scene.make_stream()
    scene.put(["e-2"])
    if kind == "emptied":
        scene.start_here()
    assert scene.take_until(["e-2"]) == ["e-2"]


def test_a_restart_of_the_emulator_loses_nothing(
    make_scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("emulator"))
    emulator.start()
    try:
        scene = make_scene(on=emulator)
        scene.start_process()
        scene.put([f"e-{number}" for number in range(100)])
        emulator.restart()
        scene.put([f"e-{number}" for number in range(100, 200)])
        scene.take_until(f"e-{number}" for number in range(200))
        scene.stop()
    finally:
        emulator.stop()


def test_wrong_settings_end_the_process_with_a_sentence(scene: Scene) -> None:
    with pytest.raises(Exception, match="batchSize is 11"):
        scene.start_process(scene.document(batchSize=11))
    assert json.dumps("Traceback") not in (scene.folder / "pipe.log").read_text()
