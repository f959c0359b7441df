"""Waiting requests are woken by the write they wait for, and by nothing later."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.twin.emulator.functions import wait_until
from twin.emulator import Emulator, long_polls
from twin.emulator.wake import Wake


def run(scene: Callable[[], Awaitable[Any]]) -> Any:
    """Run a scene that would take a minute and more if a wake-up were missing."""
    return asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_polls, "RECHECK_S", 60.0)


class FakeQueue:
    """What the twin changes in ministack's SQS module."""

    def __init__(self, wake: Wake, default_wait_s: str = "0") -> None:
        self.messages: list[str] = []
        self.looks = 0
        self.attributes = {"ReceiveMessageWaitTimeSeconds": default_wait_s}
        self.module = SimpleNamespace(
            _act_receive_message=self._receive, _HANDLERS={}, _get_q=lambda url, action: {"attributes": self.attributes}
        )
        long_polls.wake_receives(self.module, wake)

    async def _receive(self, data: dict[str, Any], queue_url: str) -> dict[str, Any]:
        assert data["WaitTimeSeconds"] == 0
        self.looks += 1
        return {"Messages": [self.messages.pop()]} if self.messages else {}

    def receive(self, **data: Any) -> Awaitable[dict[str, Any]]:
        handler: Callable[..., Awaitable[dict[str, Any]]] = self.module._HANDLERS["ReceiveMessage"]
        return handler(data, "url")


def test_a_send_wakes_a_waiting_receive_at_once() -> None:
    async def scene() -> None:
        wake = Wake()
        queue = FakeQueue(wake)
        waiting = asyncio.ensure_future(queue.receive(WaitTimeSeconds=60))
        while not queue.looks:
            await asyncio.sleep(0)
        queue.messages.append("m")
        wake.set()
        assert await waiting == {"Messages": ["m"]}
        assert queue.looks == 2

    run(scene)


def test_a_write_on_another_thread_wakes_as_well() -> None:
    async def scene() -> None:
        wake = Wake()
        queue = FakeQueue(wake)
        waiting = asyncio.ensure_future(queue.receive(WaitTimeSeconds=60))
        while not queue.looks:
            await asyncio.sleep(0)
        queue.messages.append("m")
        threading.Thread(target=wake.set).start()
        assert await waiting == {"Messages": ["m"]}

    run(scene)


def test_a_wake_up_for_something_else_keeps_the_receive_waiting() -> None:
    async def scene() -> None:
        wake = Wake()
        queue = FakeQueue(wake)
        waiting = asyncio.ensure_future(queue.receive(WaitTimeSeconds=60))
        for looks in (1, 2, 3):
            while queue.looks < looks:
                await asyncio.sleep(0)
            assert not waiting.done()
            wake.set()
        queue.messages.append("m")
        wake.set()
        await waiting

    run(scene)


def test_the_default_wait_of_the_queue_counts() -> None:
    async def scene() -> None:
        wake = Wake()
        queue = FakeQueue(wake, default_wait_s="60")
        waiting = asyncio.ensure_future(queue.receive())
        while not queue.looks:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        wake.close()
        assert await waiting == {}
        assert await queue.receive(WaitTimeSeconds=0) == {}

    run(scene)


def test_closing_ends_all_waits_and_those_to_come() -> None:
    async def scene() -> None:
        wake = Wake()
        queue = FakeQueue(wake)
        waiting = asyncio.ensure_future(queue.receive(WaitTimeSeconds=60))
        while not queue.looks:
            await asyncio.sleep(0)
        wake.close()
        assert await waiting == {}
        assert await queue.receive(WaitTimeSeconds=60) == {}

    run(scene)


def test_get_records_waits_only_if_asked_and_only_at_the_end_of_a_shard() -> None:
    async def scene() -> None:
        wake = Wake()
        shard: dict[str, Any] = {"records": []}
        calls: list[str] = []

        async def handle(*arguments: Any) -> tuple[int, dict[str, str], bytes]:
            calls.append("get")
            return 200, {}, b""

        module = SimpleNamespace(
            handle_request=handle,
            _shard_iterators={"i": {"stream": "s", "shard_id": "0", "position": 0}},
            _streams={"s": {"shards": {"0": shard}}},
        )
        long_polls.wake_get_records(module, wake)

        def get(iterator: str, **headers: str) -> Awaitable[Any]:
            target = {"x-amz-target": "Kinesis_20131202.GetRecords", **headers}
            body = json.dumps({"ShardIterator": iterator}).encode()
            answer: Awaitable[Any] = module.handle_request("POST", "/", target, body, {})
            return answer

        asked = {"x-twin-wait-ms": "15000"}
        await get("i")
        await get("unknown", **asked)
        assert len(calls) == 2
        waiting = asyncio.ensure_future(get("i", **asked))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        shard["records"].append({})
        wake.set()
        await waiting
        await get("i", **asked)
        shard["records"].clear()
        shard["ending_sequence_number"] = "9"
        await get("i", **asked)
        assert len(calls) == 5

    run(scene)


def test_a_receive_whose_caller_has_gone_takes_no_message(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=uuid4().hex)["QueueUrl"]
    connection = http.client.HTTPConnection(emulator.host, emulator.port, timeout=20)
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    connection.request("POST", "/", body, headers)
    # The server works through its connections in order: once this is answered, it has the request above.
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    connection.close()
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    sqs.send_message(QueueUrl=url, MessageBody="m")
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"])["Messages"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in messages] == ["1"]


def test_a_message_that_becomes_visible_again_ends_a_wait(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=uuid4().hex, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]


def test_a_publish_ends_a_wait(emulator: Emulator) -> None:
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    name = uuid4().hex
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{emulator.region}:{emulator.account}:{name}"
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    received: list[Any] = []
    waiting = threading.Thread(
        target=lambda: received.append(emulator.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20))
    )
    waiting.start()
    sns.publish(TopicArn=topic, Message="m")
    wait_until(lambda: received, "the message", 15)
    waiting.join()
    assert len(received[0]["Messages"]) == 1
