"""What a cold start of each function costs: import time from its own zip, memory, size, and which imports cost most.

Each function's zip is built as for deployment, for this machine and this Python, and unpacked twice: as it is, and
without its bytecode. Every run is a fresh and isolated process (no environment, no site-packages, nothing written) that
imports the handler and ends. In between runs a process that imports what nearly every Python program does (json,
logging, re, typing, ...), as a measure of the machine, and for scale one that imports boto3 from this environment, as
functions often do first.

Budgets (bench/cold_start_budget.py) are for the time on a processor: on an idle machine that is nearly all of it, and
on a busy one it says more.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.cold_start_budget import IMPORT_MS, ZIP_BYTES
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from infra.packaging import build, folders, host_architecture, host_runtime

BUSY = Measure("busy", "ms", better="less")
MEASURES = (BUSY, Measure("elapsed", "ms", better="less"), Measure("peak", "MB", better="less"))
PROCESS, BOTO3, BUDGET = "bare process", "boto3", "budget"

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

    def measure(self) -> Mapping[str, float]:
        """What one import took: elapsed ms, those of them on a processor, and the process's peak megabytes."""
        elapsed, busy, peak = map(float, self.run().stdout.split())
        return {"elapsed": elapsed, "busy": busy, "peak": peak}

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


def _zip(function: str) -> Path:
    return build(
        function,
        architecture=host_architecture(),
        runtime=host_runtime(),
        data=DATA.get(function, ()),
        host=True,
    )


def cases(place: Place) -> Iterator[Case]:
    """Imports with the zip's bytecode, imports without it, and the zips' sizes."""
    functions = folders()
    packages = sysconfig.get_paths()
    others = {PROCESS: Way(BARE), BOTO3: Way("import boto3", (packages["purelib"], packages["platlib"]))}
    ways = {function: unpack(function, place.folder, bytecode=True) for function in functions}
    plain = {function: unpack(function, place.folder, bytecode=False) for function in functions}
    yield Case(
        "import",
        MEASURES,
        {name: way.measure for name, way in (others | ways).items()},
        PROCESS,
        [Goal(function, most=IMPORT_MS[function]) for function in functions],
    )
    yield Case(
        "import without bytecode",
        [BUSY],
        {name: _busy(way) for name, way in ({PROCESS: others[PROCESS]} | plain).items()},
        PROCESS,
        rounds=5,
    )
    yield Case(
        "zip",
        [Measure("size", "MB", better="less")],
        {BUDGET: lambda: {"size": ZIP_BYTES / 1e6}, **{function: _size(function) for function in functions}},
        BUDGET,
        [Goal(function, against=BUDGET, most=1.0) for function in functions],
        warm=0,
        rounds=1,
    )
    place.notes.append("What costs most, in ms of the package's own modules (one run each):")
    place.notes.append(
        "\n".join(
            f"- {function}: {', '.join(f'{package} {spent:.0f}' for package, spent in way.costly())}"
            for function, way in ways.items()
        )
    )


def _busy(way: Way) -> Callable[[], Mapping[str, float]]:
    return lambda: {"busy": way.measure()["busy"]}


def _size(function: str) -> Callable[[], Mapping[str, float]]:
    return lambda: {"size": _zip(function).stat().st_size / 1e6}


BENCHMARKS = (
    Benchmark(
        name="cold-start",
        title="Cold start: import of each handler from its own zip",
        about=(
            "Fresh processes with nothing on their path but the unpacked zip. The bare process imports json, logging, "
            "re, typing, dataclasses and datetime, the second one boto3, which no function imports. `busy` is time on "
            "a processor. The zips for Lambda are larger than these by the libraries of the PostgreSQL driver."
        ),
        cases=cases,
        rounds=9,
    ),
)
