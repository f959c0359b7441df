"""How many records a second the pipe carries from stream to topic, beside the bare calls that carrying takes."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.events import body
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from infra.templates import pipe_filter, pipe_input_template
from twin.aws_clients import client_maker
from twin.emulator.emulator import Emulator
from twin.pipe.pipe import Pipe
from twin.pipe.reader import FETCH_RECORDS
from twin.pipe.settings import read_settings
from twin.tracing import Tracer

BARE, OURS = "get_records, publish_batch", "pipe"
MEASURES = (Measure("rate", "records/s"), Measure("busy", "us a record", better="less"))
STREAM = TOPIC = "bench"
BATCH = 10


class Topic:
    """A client of SNS that says when it has published as much as was to come."""

    def __init__(self, sns: Any, expected: int, done: Callable[[], None]) -> None:
        self.published = 0
        self._sns, self._expected, self._done = sns, expected, done

    def publish_batch(self, **request: Any) -> Any:
        """Publish, and count what was taken."""
        answer = self._sns.publish_batch(**request)
        self.published += len(answer["Successful"])
        if self.published >= self._expected:
            self._done()
        return answer


class Way:
    """A stream of one shard with records, a topic, and two ways from one to the other."""

    def __init__(self, emulator: Emulator, records: int, folder: Path) -> None:
        self._emulator, self._records, self._folder, self._runs = emulator, records, folder, 0
        self._client = client_maker(emulator.aws)
        kinesis = self._client("kinesis")
        kinesis.create_stream(StreamName=STREAM, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=STREAM)
        summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
        self._stream: str = summary["StreamARN"]
        self._topic: str = self._client("sns").create_topic(Name=TOPIC)["TopicArn"]
        for start in range(1, records + 1, FETCH_RECORDS):
            numbers = range(start, min(start + FETCH_RECORDS, records + 1))
            entries = [{"Data": body(1, number, number).encode(), "PartitionKey": "1"} for number in numbers]
            kinesis.put_records(StreamName=STREAM, Records=entries)

    def bare(self) -> Mapping[str, float]:
        """One loop that reads and publishes: no filter, no template, no position kept, no look at what was refused."""
        stop = threading.Event()
        kinesis, topic = self._client("kinesis"), Topic(self._client("sns"), self._records, stop.set)
        shard = kinesis.list_shards(StreamARN=self._stream)["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(StreamARN=self._stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]

        def carry() -> None:
            following = iterator
            while not stop.is_set():
                answer = kinesis.get_records(ShardIterator=following, Limit=FETCH_RECORDS, StreamARN=self._stream)
                following = answer["NextShardIterator"]
                messages = [record["Data"].decode() for record in answer["Records"]]
                for start in range(0, len(messages), BATCH):
                    batch = messages[start : start + BATCH]
                    entries = [{"Id": str(number), "Message": message} for number, message in enumerate(batch)]
                    topic.publish_batch(TopicArn=self._topic, PublishBatchRequestEntries=entries)

        return self._timed(carry, topic)

    def pipe(self) -> Mapping[str, float]:
        """The pipe as the program makes it, from the stream's beginning."""
        self._runs += 1
        topic = Topic(self._client("sns"), self._records, lambda: pipe.stop())
        settings = read_settings(
            {
                "name": "bench",
                "source_arn": self._stream,
                "target_arn": self._topic,
                "source_parameters": {
                    "kinesisStreamParameters": {
                        "startingPosition": "TRIM_HORIZON",
                        "batchSize": BATCH,
                        "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
                    },
                    "filterCriteria": {"filters": [{"pattern": pipe_filter("public", "outbox")}]},
                },
                "target_parameters": {"inputTemplate": pipe_input_template()},
                "aws": self._emulator.aws,
                "folder": str(self._folder / str(self._runs)),
            }
        )
        pipe = Pipe(
            settings,
            lambda service: topic if service == "sns" else self._client(service),
            Tracer(enabled=False, stream=io.StringIO()),
        )
        return self._timed(pipe.run, topic)

    def _timed(self, carry: Callable[[], None], topic: Topic) -> Mapping[str, float]:
        begun, busy = time.perf_counter(), time.process_time()
        carry()
        seconds, busy = time.perf_counter() - begun, time.process_time() - busy
        if topic.published != self._records:
            raise RuntimeError(f"{topic.published} of {self._records} records were published.")
        return {"rate": self._records / seconds, "busy": busy * 1e6 / self._records}


def cases(place: Place) -> Iterator[Case]:
    """One case: the same records of one shard."""
    emulator = Emulator(place.folder / "emulator")
    place.stack.callback(emulator.stop)
    emulator.start()
    way = Way(emulator, place.sizes["records"], place.folder / "pipe")
    yield Case("one shard", MEASURES, {BARE: way.bare, OURS: way.pipe}, BARE, [Goal(OURS, against=BARE, least=0.7)])


BENCHMARKS = (
    Benchmark(
        name="pipe",
        title="Pipe: records from stream to topic",
        about=(
            "A stream of the twin's Kinesis holds changes as the capture writes them; both ways read up to "
            f"{FETCH_RECORDS} at a time and publish them in requests of {BATCH}. The bare loop passes it on. "
            "The pipe is the twin's own, with the program's filter and template; it looks at each answer and keeps its "
            "position on disk, and its start and end are in its time. `busy` is what either keeps a processor busy "
            "with, without the emulator, which takes the larger part of the time."
        ),
        cases=cases,
        rounds=5,
        sizes={"records": 2_000},
    ),
)
