"""What a cold start of each function costs: import time from its own zip, memory, size, and which imports cost most.

    python -m bench.cold_start [--runs 9] [--function place_order ...]

Each function's zip is built as for deployment, for this machine and this Python, and unpacked twice: as it is, and
without its bytecode. Every run is a fresh and isolated process (no environment, no site-packages, nothing written) that
imports the handler and ends; the runs of all functions take turns, after one of each that is not counted. In between
runs a process that imports what nearly every Python program does (json, logging, re, typing, ...), as a measure of the
machine, and for scale one that imports boto3 from this environment, as functions often do first.

Budgets (bench/cold_start_budget.py) are for the time on a processor: on an idle machine that is nearly all of it, and
on a busy one it says more. Ends with 1 if a function is over its budget.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table as Grid

from bench.cold_start_budget import IMPORT_MS, ZIP_BYTES
from infra.packaging import build, folders, host_architecture, host_runtime

BARE = "import json, logging, re, typing, dataclasses, datetime"
DATA = {"migrate": ["migrations"]}
COSTLY = 6

# Runs in the measured process. Linux counts in ru_maxrss what the process was before exec, so it is asked otherwise.
_PROGRAM = """
import sys, time
sys.path[:0] = {paths!r}
begun, busy = time.perf_counter(), time.process_time()
{code}
spent, worked = time.perf_counter() - begun, time.process_time() - busy
if sys.platform == "linux":
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(spent * 1000, worked * 1000, peak)
"""


class Cost(NamedTuple):
    """What one import took: elapsed milliseconds, those of them on a processor, and the process's peak megabytes."""

    elapsed: float
    busy: float
    peak: float


@dataclass(frozen=True)
class Way:
    """Something to import: code, and what comes first on the path."""

    code: str
    paths: tuple[str, ...] = ()

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Import it in a process of its own."""
        program = _PROGRAM.format(paths=list(self.paths), code=self.code)
        command = [sys.executable, "-I", "-S", "-B", *options, "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", env={})

    def measure(self) -> Cost:
        """The cost of one run."""
        return Cost(*map(float, self.run().stdout.split()))

    def costly(self) -> list[tuple[str, float]]:
        """What it spends the most on: top-level packages with the milliseconds of their own modules, once measured."""
        spent: dict[str, float] = defaultdict(float)
        for line in self.run("-X", "importtime").stderr.splitlines():
            fields = line.removeprefix("import time:").split("|")
            if len(fields) == 3 and fields[0].strip().isdigit():
                spent[fields[2].strip().partition(".")[0]] += int(fields[0]) / 1000
        return sorted(spent.items(), key=lambda item: -item[1])[:COSTLY]


def unpack(function: str, folder: Path, *, bytecode: bool) -> Way:
    """The zip's handler, with or without the bytecode that the zip has."""
    place = folder / (function if bytecode else f"{function}-plain")
    with zipfile.ZipFile(_zip(function)) as archive:
        archive.extractall(place, [name for name in archive.namelist() if bytecode or not name.endswith(".pyc")])
    return Way(f"import functions.{function}.handler", (str(place),))


def measure(ways: Mapping[str, Way], runs: int) -> dict[str, Cost]:
    """Run all of them in turn, `runs` times and one that is not counted; the median of each figure."""
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            result = way.measure()
            if number:
                found[name].append(result)
    return {name: Cost(*map(statistics.median, zip(*costs, strict=True))) for name, costs in found.items()}


def _zip(function: str) -> Path:
    return build(
        function,
        architecture=host_architecture(),
        runtime=host_runtime(),
        data=DATA.get(function, ()),
        host=True,
    )


def _report(functions: Sequence[str], found: Mapping[str, Cost], console: Console) -> bool:
    """Print the figures; False if a budget is overdrawn."""
    grid = Grid("import of", title="Cold start: medians of fresh processes")
    for head in ("ms", "of them busy", "of the bare one", "busy ms without bytecode", "peak MB", "zip MB", "budget"):
        grid.add_column(head, justify="right")
    bare = found["bare"].busy
    kept = True
    for name in ["bare", "boto3", *functions]:
        cost = found[name]
        row = [f"{cost.elapsed:,.0f}", f"{cost.busy:,.0f}", f"{cost.busy / bare:.1f}"]
        if name in functions:
            size = _zip(name).stat().st_size
            within = cost.busy < IMPORT_MS[name] and size < ZIP_BYTES
            kept = kept and within
            row += [f"{found[f'{name} plain'].busy:,.0f}", f"{cost.peak:,.0f}", f"{size / 1e6:.2f}"]
            row.append(f"{IMPORT_MS[name]} ms{'' if within else ', OVER'}")
        else:
            row += ["", f"{cost.peak:,.0f}", "", ""]
        grid.add_row(name, *row)
    console.print(grid)
    return kept


def main() -> int:
    """Measure and print two tables: the functions' figures, and what their imports spend the time on."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description="Cost of a cold start.")
    parser.add_argument("--runs", type=int, default=9, help="fresh processes for each figure (9)")
    parser.add_argument("--function", action="append", choices=folders(), help="only this one (repeatable)")
    options = parser.parse_args()
    functions: list[str] = options.function or folders()
    console = Console(width=120)
    packages = sysconfig.get_paths()
    ways = {
        "bare": Way(BARE),
        "boto3": Way("import boto3", (packages["purelib"], packages["platlib"])),
    }
    with tempfile.TemporaryDirectory(prefix="bench-cold-start-") as name:
        for function in functions:
            ways[function] = unpack(function, Path(name), bytecode=True)
            ways[f"{function} plain"] = unpack(function, Path(name), bytecode=False)
        found = measure(ways, options.runs)
        kept = _report(functions, found, console)
        grid = Grid("import of", "most of it (ms in the package's own modules, one run)", title="What costs most")
        for function in functions:
            grid.add_row(function, ", ".join(f"{package} {spent:.0f}" for package, spent in ways[function].costly()))
        console.print(grid)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
