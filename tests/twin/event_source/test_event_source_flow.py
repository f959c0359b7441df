"""Messages reach the function and are deleted, or stay, on the real emulator."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.twin.emulator.functions import wait_until
from tests.twin.event_source.scene import Scene
from twin.emulator import Emulator
from twin.errors import ProcessError

EMPTY = (0, 0)


def test_a_message_is_handled_and_deleted(scene: Scene) -> None:
    scene.start_process()
    scene.send("hello", MessageAttributes={"name": {"StringValue": "value", "DataType": "String"}})
    (event,) = wait_until(scene.events, "an event")
    (record,) = event["Records"]
    assert record["body"] == "hello"
    assert record["eventSourceARN"] == scene.queue_arn
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["name"]["stringValue"] == "value"
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")


def test_the_trace_tells_what_was_received_and_what_was_handled(scene: Scene) -> None:
    scene.start_process()
    before = time.time()
    scene.send(json.dumps({"data": {"id": "e-1"}, "metadata": {}}))
    wait_until(lambda: any(line["hop"] == "invoked" for line in scene.lines), "a trace line")
    received, invoked = (line for line in scene.lines if line["hop"] != "ready")
    assert (received["hop"], received["events"], received["mapping"]) == ("queue", ["e-1"], "mapping-1")
    assert (invoked["hop"], invoked["events"], invoked["function"]) == ("invoked", ["e-1"], scene.function)
    assert before <= received["at"] <= invoked["at"] <= time.time()


def test_reported_failures_stay_and_the_others_are_deleted(scene: Scene) -> None:
    scene.send("good-1", "bad", "good-2")
    scene.start_here()
    wait_until(lambda: scene.left() == (0, 1), "only the failed message, invisible")
    assert sorted(scene.bodies()) == ["bad", "good-1", "good-2"]


def test_without_reporting_a_batch_is_deleted_whatever_the_function_answers(scene: Scene) -> None:
    scene.send("bad")
    scene.start_here(function_response_types=[])
    wait_until(lambda: scene.events() and scene.left() == EMPTY, "an empty queue")


def test_an_error_of_the_function_keeps_the_whole_batch_until_the_visibility_timeout(
    make_scene: Callable[..., Scene],
) -> None:
    scene = make_scene(visibility_timeout_s=2)
    scene.send("good", "crash")
    first = time.time()
    scene.start_here()
    wait_until(lambda: scene.bodies().count("crash") >= 2, "the second attempt")
    assert time.time() - first >= 2
    assert scene.bodies().count("good") >= 2
    receives = [record["attributes"]["ApproximateReceiveCount"] for record in scene.events()[-1]["Records"]]
    assert receives == ["2", "2"]


def test_a_message_that_fails_again_and_again_ends_in_the_dead_letter_queue(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(visibility_timeout_s=3)
    dead_letters = scene.sqs.create_queue(QueueName=f"{scene.name}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"{scene.queue_arn}-dlq", "maxReceiveCount": 2}
    scene.sqs.set_queue_attributes(QueueUrl=scene.queue_url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    scene.start_here()
    scene.send("bad")
    scene.send(*(f"good-{number}" for number in range(20)))
    found = wait_until(
        lambda: scene.sqs.receive_message(QueueUrl=dead_letters, WaitTimeSeconds=1).get("Messages"), "a dead letter"
    )
    assert [message["Body"] for message in found] == ["bad"]
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")
    assert scene.bodies().count("bad") == 2
    # An invocation that takes longer than the message is hidden has it come again.
    assert {body for body in scene.bodies() if body.startswith("good")} == {f"good-{number}" for number in range(20)}


def test_messages_that_the_filter_drops_are_deleted_unseen(scene: Scene) -> None:
    pattern = json.dumps({"body": {"type": ["wanted"]}})
    scene.start_here(filter_criteria={"filters": [{"pattern": pattern}]})
    scene.send("no json", json.dumps({"type": "other"}), json.dumps({"type": "wanted"}))
    wait_until(lambda: scene.events() and scene.left() == EMPTY, "an empty queue")
    assert scene.bodies() == ['{"type": "wanted"}']


def test_throttled_messages_return_and_are_handled_later(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(visibility_timeout_s=1)
    functions = scene.emulator.client("lambda")
    functions.put_function_concurrency(FunctionName=scene.function, ReservedConcurrentExecutions=0)
    throttled = threading.Event()

    def wrap(service: str, client: Any) -> Any:
        if service == "lambda":
            invoke = client.invoke

            def noting(**request: Any) -> Any:
                try:
                    return invoke(**request)
                except client.exceptions.TooManyRequestsException:
                    throttled.set()
                    raise

            client.invoke = noting
        return client

    scene.start_here(wrap=wrap)
    scene.send("hello")
    assert throttled.wait(20)
    assert scene.left() != EMPTY
    functions.delete_function_concurrency(FunctionName=scene.function)
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")
    assert scene.bodies() == ["hello"]


class Meeting:
    """Wraps the Lambda client: notes how many invocations there are at a time, and holds them until told."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.go = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, service: str, client: Any) -> Any:
        if service == "lambda":
            invoke = client.invoke

            def held(**request: Any) -> Any:
                with self._lock:
                    self.now += 1
                    self.most = max(self.most, self.now)
                self.go.wait(30)
                try:
                    return invoke(**request)
                finally:
                    with self._lock:
                        self.now -= 1

            client.invoke = held
        return client


def test_as_many_batches_run_at_a_time_as_allowed_and_no_more(scene: Scene) -> None:
    meeting = Meeting()
    scene.send(*(f"m-{number}" for number in range(50)))
    scene.start_here(wrap=meeting, batch_size=5, scaling_config={"maximum_concurrency": 3})
    wait_until(lambda: meeting.now == 3, "three batches at a time")
    # What a fourth batch would have taken is still visible to others.
    assert scene.left() == (35, 15)
    meeting.go.set()
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")
    assert meeting.most == 3
    assert len(scene.bodies()) == 50


def test_a_window_makes_batches_larger_than_a_receive(scene: Scene) -> None:
    scene.send(*(f"m-{number}" for number in range(30)))
    scene.start_here(batch_size=25, maximum_batching_window_in_seconds=1)
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")
    assert [len(event["Records"]) for event in scene.events()] == [25, 5]


def test_a_message_wakes_the_mapping(scene: Scene) -> None:
    polls: list[int] = []

    def wrap(service: str, client: Any) -> Any:
        if service == "sqs":
            receive = client.receive_message

            def counted(**request: Any) -> Any:
                answer = receive(**request)
                polls.append(len(answer.get("Messages", [])))
                return answer

            client.receive_message = counted
        return client

    scene.start_here(wrap=wrap)
    for number in range(5):
        scene.send(f"m-{number}")
        wait_until(partial(_has, scene, number + 1), "the message")
    # A mapping that polled would have looked in vain between two messages.
    assert polls == [1] * 5


def _has(scene: Scene, count: int) -> bool:
    return len(scene.bodies()) == count


def test_a_kill_in_mid_flow_loses_nothing(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(visibility_timeout_s=2)
    bodies = [f"m-{number}" for number in range(500)]
    scene.send(*bodies)
    process = scene.start_process()
    wait_until(lambda: scene.bodies(), "some messages")
    process.kill()
    assert scene.left() != EMPTY, "the kill must come in mid-flow"
    scene.start_process()
    wait_until(lambda: scene.left() == EMPTY, "an empty queue")
    assert set(scene.bodies()) == set(bodies)


def test_stopping_finishes_what_is_under_way_and_takes_no_more(scene: Scene) -> None:
    meeting = Meeting()
    scene.send("m-1")
    mapping = scene.start_here(wrap=meeting)
    wait_until(lambda: meeting.now == 1, "an invocation")
    mapping.stop()
    meeting.go.set()
    scene.stop()
    assert scene.left() == EMPTY
    scene.send("m-2")
    assert scene.bodies() == ["m-1"]


def test_a_disabled_mapping_polls_nothing(scene: Scene) -> None:
    scene.send("m-1")
    scene.start_here(enabled=False)
    scene.stop()
    assert scene.left() == (1, 0)


def test_a_restart_of_the_emulator_is_survived(
    make_scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("emulator"))
    emulator.start()
    try:
        scene = make_scene(on=emulator, visibility_timeout_s=2)
        scene.start_process()
        scene.send("m-1")
        wait_until(lambda: scene.left() == EMPTY, "an empty queue")
        emulator.restart()
        scene.send("m-2")
        wait_until(lambda: scene.left() == EMPTY, "an empty queue")
        assert scene.bodies() == ["m-1", "m-2"]
        scene.stop()
    finally:
        emulator.stop()


def test_a_visibility_timeout_below_the_function_timeout_is_refused_at_start(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(visibility_timeout_s=0)
    with pytest.raises(ProcessError, match="visibility timeout of 0 s"):
        scene.start_process()
