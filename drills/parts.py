"""Drills: services take a part of a batch and refuse the rest, in an answer that says 200."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drills.detour import Document, changed_specification, credentials, to_aws
from drills.errors import DrillError
from drills.partial import Refusals
from drills.registry import drill
from drills.scene import Scene
from drills.toll import Call, Toll, Verdict

# Which process asks (the beginning of its name), the operation of whose batches a part is refused, and the one that is
# refused as a whole meanwhile, so that a batch gathers.
BATCHES = {
    "kinesis-put": ("capture", "PutRecords", "PutRecords"),
    "sns": ("pipe-", "PublishBatch", "PublishBatch"),
    "sqs-delete": ("event-source-orders-local-project", "DeleteMessageBatch", "ReceiveMessage"),
}
PROMISE = "what a service refuses of a batch is asked again, and nothing of it is lost"
ROUNDS = 3
GATHERED = 12  # orders; more than a batch of SNS or SQS takes
RATE = 4.0
# Above what SNS and SQS take of a message through a topic; as JSON in a record of Kinesis still below its limit.
TOO_LARGE_BYTES = 300_000


def _refuse_parts(name: str) -> Callable[[Scene], None]:
    prefix, operation, gathered_before = BATCHES[name]

    def run(scene: Scene) -> None:
        refusals = Refusals(operation, scene.rng.randrange(2**32), credentials(scene, prefix))
        gathering = threading.Event()

        def rule(call: Call) -> Verdict:
            if gathering.is_set() and call.operation == gathered_before:
                return Verdict.THROTTLE
            return Verdict.PART if call.operation == operation else Verdict.PASS

        with (
            Toll(scene.twin.emulator.port, rule, refusals) as toll,
            to_aws(scene, prefix, toll.port),
            scene.load(RATE) as load,
        ):
            with scene.fault(f"parts of {operation} refused"):
                for _ in range(ROUNDS):
                    before = refusals.mixed
                    gathering.set()
                    scene.orders(load, GATHERED)
                    gathering.clear()
                    scene.until(lambda before=before: refusals.mixed > before, "a call taken in part")  # type: ignore[misc]
                refusals.share = 0.0
            _all_came_again(scene, refusals)

    return run


for _name in BATCHES:
    drill(f"parts-refused-{_name}", PROMISE)(_refuse_parts(_name))


@drill("parts-refused-dead-letters", "what the pipe gives up is in its dead-letter queue before it goes on")
def dead_letters(scene: Scene) -> None:
    """A record that no topic takes, and a dead-letter queue that refuses it at first, entry by entry."""
    refusals = Refusals("SendMessageBatch", scene.rng.randrange(2**32), credentials(scene, "pipe-"))
    refusals.share = 1.0

    def rule(call: Call) -> Verdict:
        return Verdict.PART if call.operation == refusals.operation else Verdict.PASS

    kinesis, letters = scene.twin.emulator.client("kinesis"), scene.stores.dead_letter_queues["pipe"]
    row = {"event_type": "orders.OrderPlaced.v1", "payload": "x" * TOO_LARGE_BYTES}
    metadata = {"record-type": "data", "operation": "insert", "schema-name": "public", "table-name": "outbox"}
    with Toll(scene.twin.emulator.port, rule, refusals) as toll, _soon_given_up(scene, toll.port), scene.load() as load:
        scene.orders(load, GATHERED // 2)
        with scene.fault("a record that no topic takes"):
            put = kinesis.put_record(
                StreamARN=scene.outputs["stream_arn"], PartitionKey="drill",
                Data=json.dumps({"data": row, "metadata": metadata}).encode(),
            )  # fmt: skip
            scene.until(lambda: scene.stores.depth(letters), "a dead letter of the pipe")
        _all_came_again(scene, refusals)
    (letter,) = scene.stores.bodies(letters)
    if json.loads(letter)["KinesisBatchInfo"]["startSequenceNumber"] != put["SequenceNumber"]:
        raise DrillError(f"the dead letter is about another record than {put['SequenceNumber']}: {letter}")
    scene.ledger.add_poison("pipe", letter)


@contextmanager
def _soon_given_up(scene: Scene, port: int) -> Iterator[None]:
    def change(document: Document) -> None:
        document["aws"]["endpoint_url"] = f"http://127.0.0.1:{port}"
        # As many retries as usual take more than a minute, in which nothing else would be learnt.
        document["source_parameters"]["kinesisStreamParameters"]["maximumRetryAttempts"] = 2

    with changed_specification(scene, "pipe-", change):
        yield


def _all_came_again(scene: Scene, refusals: Refusals) -> None:
    scene.until(lambda: not refusals.owed, "all that was refused is asked again", timeout_s=60)
    scene.result.notes.append(f"{refusals.refused} entries refused, {refusals.mixed} calls taken in part")
