"""Runs a benchmark: its contenders in turns, round after round, another one first in each."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import ContenderError, PreparationError
from bench.frame import machine
from bench.frame.benchmark import Benchmark, Case, Place
from bench.frame.load import Watch
from bench.frame.registry import FOLDER
from bench.frame.results import CaseResult, Result, Run

# Told of what is being done: case, contender, round (0 for a warm one), rounds.
Progress = Callable[[str, str, int, int], None]


def run(
    benchmark: Benchmark,
    sizes: Mapping[str, int],
    progress: Progress,
    rounds: int | None = None,
    only: Sequence[str] = (),
) -> Result:
    """Measure all cases of a benchmark.

    Args:
        rounds: of each case; None for as many as it has.
        only: contenders to measure beside what they are compared with; all if there are none.

    Raises:
        PreparationError: what it needs could not be made ready.
        ContenderError: a contender raised, or gave other measures than its case has.
    """
    begun, date = time.perf_counter(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix=f"bench-{benchmark.name}-") as folder, ExitStack() as stack:
        place = Place(Path(folder), sizes, stack)
        cases = [
            measure(narrow(case, only), rounds or case.rounds or benchmark.rounds, progress)
            for case in _prepared(benchmark, place)
        ]
    return Result(
        name=benchmark.name,
        title=benchmark.title,
        about=benchmark.about,
        axis=benchmark.axis,
        sizes=dict(sizes),
        rounds=rounds or benchmark.rounds,
        date=date.isoformat(timespec="minutes"),
        seconds=round(time.perf_counter() - begun, 1),
        commit=machine.commit(FOLDER),
        machine=machine.describe(),
        versions=machine.versions(),
        cases=cases,
        notes=place.notes,
    )


def _prepared(benchmark: Benchmark, place: Place) -> Iterator[Case]:
    try:
        yield from benchmark.cases(place)
    except Exception as error:
        raise PreparationError(f"{benchmark.name} could not be made ready: {error!r}") from error


def narrow(case: Case, only: Sequence[str]) -> Case:
    """The case with these contenders and what they are compared with; without the goals that need another one."""
    if not only:
        return case
    contenders = {name: one for name, one in case.contenders.items() if name in only or name == case.against}
    goals = [goal for goal in case.goals if {goal.contender, goal.against or goal.contender} <= contenders.keys()]
    return replace(case, contenders=contenders, goals=goals)


def measure(case: Case, rounds: int, progress: Progress) -> CaseResult:
    """Run a case's contenders in turns.

    Raises:
        ContenderError: as above.
    """
    runs: dict[str, list[Run]] = {name: [] for name in case.contenders}
    for number in range(1 - case.warm, rounds + 1):
        for name in _turns(list(case.contenders), number):
            progress(case.name, name, max(number, 0), rounds)
            found = _run(case, name, number)
            if number > 0:
                runs[name].append(found)
    return CaseResult(case.name, list(case.measures), case.against, list(case.goals), case.at, runs)


def _turns(names: list[str], number: int) -> Iterator[str]:
    # Each is first once, so that none always runs on what another one left behind.
    first = number % len(names)
    yield from names[first:] + names[:first]


def _run(case: Case, name: str, number: int) -> Run:
    gc.collect()
    try:
        with Watch() as watch:
            values = dict(case.contenders[name]())
    except Exception as error:
        raise ContenderError(f"{case.name}: {name} failed in round {number}: {error!r}") from error
    wanted = {measure.name for measure in case.measures}
    if set(values) != wanted:
        raise ContenderError(
            f"{case.name}: {name} gave {', '.join(sorted(values))} in round {number}, "
            f"but the case has {', '.join(sorted(wanted))}."
        )
    return Run({key: float(value) for key, value in values.items()}, round(watch.seconds, 4), watch.load)
