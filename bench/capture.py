"""Speed of the change capture, beside the bare log reader of psycopg2 in the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from bench.capture_ways import SHARDS, STREAM, CaptureWays
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from twin.capture.__main__ import SWITCH_S
from twin.emulator.emulator import Emulator
from twin.servers.postgres import PostgresServer

BARE, RECORDS, KINESIS = "bare reader", "log to records", "log into the emulator's Kinesis"


def cases(place: Place) -> Iterator[Case]:
    """One case: the same transactions, read from fresh copies of one slot."""
    interval = sys.getswitchinterval()
    place.stack.callback(sys.setswitchinterval, interval)
    sys.setswitchinterval(SWITCH_S)
    server = PostgresServer(place.folder / "postgres")
    place.stack.callback(server.remove)
    server.start()
    ways = CaptureWays(server, place.sizes["rows"], place.folder / "task")
    ways.fill()
    emulator = Emulator(place.folder / "emulator")
    place.stack.callback(emulator.stop)
    emulator.start()
    emulator.client("kinesis").create_stream(StreamName=STREAM, ShardCount=SHARDS)
    ways.aws = emulator.aws
    yield Case(
        "transactions of one row",
        [Measure("rate", "rows/s")],
        {BARE: _rate(ways.bare), RECORDS: _rate(ways.records), KINESIS: _rate(ways.kinesis)},
        BARE,
        [Goal(RECORDS, against=BARE, least=0.8)],
        warm=0,
    )


def _rate(read: Callable[[], float]) -> Callable[[], Mapping[str, float]]:
    return lambda: {"rate": read()}


BENCHMARKS = (
    Benchmark(
        name="capture",
        title="Change capture: rows read from the log",
        about=(
            "A PostgreSQL of its own holds transactions of one row with a payload of 400 bytes. The bare reader asks "
            "psycopg2 for one message after the other and only counts; `log to records` makes Kinesis-ready records "
            "of them, which are counted too; the last one writes them into the twin's Kinesis, until it has taken all. "
            "All processes share the machine, so the last one tells of this machine's twin, not of the capture alone."
        ),
        cases=cases,
        rounds=3,
        sizes={"rows": 100_000},
    ),
)
