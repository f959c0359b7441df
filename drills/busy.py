"""Drills: services ask to slow down, take a request and lose the answer, or deliver twice and out of order."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from drills.detour import to_aws
from drills.registry import drill
from drills.scene import Scene
from drills.toll import Call, Rule, Toll, Verdict

# Who calls what: the service and operation that are throttled, and the beginning of the process's name that asks.
THROTTLED = {
    "kinesis-put": ("capture", "kinesis", "PutRecords"),
    "kinesis-get": ("pipe-", "kinesis", "GetRecords"),
    "sns": ("pipe-", "sns", "PublishBatch"),
    "sqs-receive": ("event-source-orders-local-project", "sqs", "ReceiveMessage"),
    "sqs-delete": ("event-source-orders-local-project", "sqs", "DeleteMessageBatch"),
    "lambda": ("event-source-orders-local-project", "lambda", ""),
}
LOST = {
    "kinesis": ("capture", "kinesis", "PutRecords"),
    "sns": ("pipe-", "sns", "PublishBatch"),
    "lambda": ("event-source-orders-local-project", "lambda", ""),
    "mails": ("event-source-orders-local-notify", "lambda", ""),
}
HITS = 8
PLACED = "orders.OrderPlaced.v1"
COPIES = 3
ORDERS_BETWEEN = 8
TEN = 10  # entries of a batch


def _meets(scene: Scene, prefix: str, service: str, operation: str, verdict: Verdict, share: float) -> None:
    # Not the scene's own chances: requests come on many threads, in an order of their own.
    chances, lock = random.Random(scene.rng.randrange(2**32)), threading.Lock()  # noqa: S311 - no secret
    active = threading.Event()

    def rule(call: Call) -> Verdict:
        wanted = call.service == service and (operation in ("", call.operation)) and "/configuration" not in call.path
        with lock:
            hit = wanted and active.is_set() and chances.random() < share
        return verdict if hit else Verdict.PASS

    decide: Rule = rule
    with Toll(scene.twin.emulator.port, decide) as toll, to_aws(scene, prefix, toll.port), scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault(f"{verdict.value}: {service} {operation}".strip()):
            active.set()
            scene.until(lambda: toll.stopped(verdict) >= HITS, f"{HITS} requests met with {verdict.value}")
            active.clear()
        scene.result.notes.append(f"{toll.stopped(verdict)} x {verdict.value}")


def _throttle(name: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        # Most of the requests, so that repetitions meet it too; not all, as no service does.
        _meets(scene, *THROTTLED[name], Verdict.THROTTLE, 0.8)

    return run


def _lose(name: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        _meets(scene, *LOST[name], Verdict.LOSE_ANSWER, 0.5)

    return run


for _name in THROTTLED:
    drill(f"throttled-{_name}", "a service that is busy delays, and loses nothing")(_throttle(_name))
for _name in LOST:
    drill(f"answers-lost-{_name}", "what is done twice for want of an answer has its effect once")(_lose(_name))


@drill("copies", "duplicates and any order of arrival change nothing")
def copies(scene: Scene) -> None:
    """Every event is put again, three times and shuffled, into the stream, the topic and the queues."""
    with scene.load() as load:
        scene.orders(load, 2 * ORDERS_BETWEEN)
    events = _events(scene)
    with scene.load() as load:
        scene.orders(load, 2)
        for hop in (_into_stream, _into_topic, _into_queues):
            again = events * COPIES
            scene.rng.shuffle(again)
            with scene.fault(f"{len(again)} copies {hop.__name__.strip('_').replace('_', ' ')}"):
                hop(scene, again)


def _events(scene: Scene) -> list[dict[str, Any]]:
    found = scene.stores.rows(
        "select row_to_json(o) from outbox o where aggregate_id = any(%s)",
        [str(id_client) for id_client in scene.ledger.clients],
    )
    metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
    return [{"data": row, "metadata": metadata} for (row,) in found]


def _into_stream(scene: Scene, events: list[dict[str, Any]]) -> None:
    records = [
        # Any key: a copy may come by another shard than the original.
        {"Data": json.dumps(event).encode(), "PartitionKey": str(scene.rng.random())}
        for event in events
    ]
    scene.twin.emulator.client("kinesis").put_records(StreamARN=scene.outputs["stream_arn"], Records=records[:500])


def _into_topic(scene: Scene, events: list[dict[str, Any]]) -> None:
    sns = scene.twin.emulator.client("sns")
    for entries in _batches(events, "Message"):
        sns.publish_batch(TopicArn=scene.outputs["topic_arn"], PublishBatchRequestEntries=entries)


def _into_queues(scene: Scene, events: list[dict[str, Any]]) -> None:
    sqs = scene.twin.emulator.client("sqs")
    for name, url in scene.stores.queues("_queue_url").items():
        # The queue of the mails knows orders only: the topic's filter keeps the rest from it.
        wanted = [event for event in events if name != "notify_client" or event["data"]["event_type"] == PLACED]
        for entries in _batches(wanted, "MessageBody"):
            sqs.send_message_batch(QueueUrl=url, Entries=entries)


def _batches(events: list[dict[str, Any]], member: str) -> list[list[dict[str, str]]]:
    entries = [{"Id": str(number), member: json.dumps(event)} for number, event in enumerate(events)]
    return [entries[start : start + TEN] for start in range(0, len(entries), TEN)]


@drill("poison", "a message that cannot be read stops nothing but itself")
def poison(scene: Scene) -> None:
    """Poison among the messages of both consumers, while orders come in."""
    with ExitStack() as stack:
        load = stack.enter_context(scene.load())
        for consumer, hidden_s in (("project_clients", 2), ("notify_client", 4)):
            # Six times the function's timeout otherwise, for each of the tries: nothing to learn from waiting.
            stack.enter_context(scene.hidden(consumer, hidden_s))
            for _ in range(3):
                with scene.fault(f"poison for {consumer}"):
                    scene.poison(consumer, [f"no json {scene.rng.random()}", '{"data": 1, "metadata": {}}'])
        scene.orders(load, ORDERS_BETWEEN)
        for consumer, bodies in scene.ledger.poison.items():
            url = scene.stores.dead_letter_queues[consumer]
            scene.until(
                lambda url=url, sent=bodies: scene.stores.depth(url) >= len(sent),  # type: ignore[misc]
                f"the poison of {consumer} is among its dead letters",
            )
