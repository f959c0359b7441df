"""Speed of the change capture, beside the bare log reader of psycopg2 in the same run.

    python -m bench.capture [--rows 100000] [--rounds 3]

One PostgreSQL of its own holds `rows` single-row transactions with a payload of 400 bytes. Each round
reads them three times, in turn, from fresh copies of one slot: the bare reader, which only counts; our
way from log to Kinesis-ready records, which are counted too; and the whole way into the Kinesis of the
twin's emulator, until it has taken all of them (left out with --no-kinesis). All processes share the
machine, so the third is a figure for this machine's twin, not for the capture alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from bench.capture_ways import SHARDS, STREAM, CaptureWays
from twin.capture.__main__ import SWITCH_S
from twin.emulator.emulator import Emulator
from twin.servers.postgres import PostgresServer


def measure(rows: int, rounds: int, into_kinesis: bool, console: Console) -> dict[str, list[float]]:
    """Run all ways `rounds` times in turn and give rows per second of each."""
    with tempfile.TemporaryDirectory(prefix="bench-capture-") as name:
        folder = Path(name)
        server = PostgresServer(folder / "postgres")
        emulator = None
        try:
            server.start()
            bench = CaptureWays(server, rows, folder / "task")
            console.print(f"Writing {rows:,} transactions ...")
            bench.fill()
            ways: dict[str, Callable[[], float]] = {"bare reader": bench.bare, "log to records": bench.records}
            if into_kinesis:
                emulator = Emulator(folder / "emulator")
                emulator.start()
                emulator.client("kinesis").create_stream(StreamName=STREAM, ShardCount=SHARDS)
                bench.aws = emulator.aws
                ways["log into the emulator's Kinesis"] = bench.kinesis
            rates: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(1, rounds + 1):
                for way, run in ways.items():
                    rates[way].append(run())
                    console.print(f"round {number}: {way}: {rates[way][-1]:,.0f} rows/s")
            return rates
        finally:
            if emulator is not None:
                emulator.stop()
            server.remove()


def main() -> None:
    """Measure and print a table: lowest, median and highest rate, and the ratio of the medians to the bare reader."""
    parser = argparse.ArgumentParser(prog="python -m bench.capture", description="Speed of the change capture.")
    parser.add_argument("--rows", type=int, default=100_000, help="single-row transactions (100,000)")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is measured, in turn (3)")
    parser.add_argument("--no-kinesis", action="store_true", help="leave the emulator out")
    options = parser.parse_args()
    console = Console()
    sys.setswitchinterval(SWITCH_S)
    rates = measure(options.rows, options.rounds, not options.no_kinesis, console)
    grid = Grid("rows per second", title=f"{options.rows:,} single-row transactions, {options.rounds} rounds")
    for head in ("lowest", "median", "highest", "of the bare reader"):
        grid.add_column(head, justify="right")
    bare = statistics.median(rates["bare reader"])
    for way, values in rates.items():
        median = statistics.median(values)
        grid.add_row(way, *(f"{value:,.0f}" for value in (min(values), median, max(values))), f"{median / bare:.2f}")
    console.print(grid)


if __name__ == "__main__":
    main()
