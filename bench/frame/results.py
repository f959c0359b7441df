"""What was measured: every run of every contender, kept as JSON, and the figures that are made of it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from bench.errors import ResultsError
from bench.frame.benchmark import Goal, Measure
from bench.frame.load import Load


class Spread(NamedTuple):
    """Least, median and greatest of some figures."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of these figures."""
        return cls(min(values), statistics.median(values), max(values))


@dataclass(frozen=True)
class Run:
    """One run of a contender: its measures by name, the seconds it took, and how busy the machine was otherwise."""

    values: dict[str, float]
    seconds: float
    load: Load


@dataclass(frozen=True)
class Verdict:
    """Whether a goal is reached: the median that was looked at, and the bound in words."""

    goal: Goal
    measure: Measure
    figure: float
    bound: str
    reached: bool


@dataclass(frozen=True)
class CaseResult:
    """All runs of a case: those of one round have the same place in each contender's list."""

    name: str
    measures: list[Measure]
    against: str
    goals: list[Goal]
    at: float | None
    runs: dict[str, list[Run]]

    def measure(self, name: str | None) -> Measure:
        """The measure of that name; the first one for None."""
        return next(one for one in self.measures if name in (None, one.name))

    def values(self, contender: str, measure: str) -> list[float]:
        """One figure a round."""
        return [run.values[measure] for run in self.runs[contender]]

    def spread(self, contender: str, measure: str) -> Spread:
        """Of the figures themselves."""
        return Spread.of(self.values(contender, measure))

    def ratio(self, contender: str, measure: str, against: str | None = None) -> Spread:
        """Of the figures divided by those that `against` had in the same round, so that the machine's mood cancels."""
        pairs = zip(self.values(contender, measure), self.values(against or self.against, measure), strict=True)
        return Spread.of([own / other if other else float("inf") if own else 1.0 for own, other in pairs])

    def verdicts(self) -> list[Verdict]:
        """What became of the goals, by the median of the rounds."""
        return [self._verdict(goal) for goal in self.goals]

    def _verdict(self, goal: Goal) -> Verdict:
        measure = self.measure(goal.measure)
        if goal.against is None:
            figure, unit = self.spread(goal.contender, measure.name).median, f" {measure.unit}"
        else:
            figure, unit = self.ratio(goal.contender, measure.name, goal.against).median, f" of {goal.against}"
        reached = (goal.least is None or figure >= goal.least) and (goal.most is None or figure <= goal.most)
        bounds = [f"{word} {bound:g}" for word, bound in (("at least", goal.least), ("at most", goal.most)) if bound]
        return Verdict(goal, measure, figure, " and ".join(bounds) + unit, reached)


@dataclass(frozen=True)
class Result:
    """What a run of one benchmark gave, and on what."""

    name: str
    title: str
    about: str
    axis: str | None
    sizes: dict[str, int]
    rounds: int
    date: str
    seconds: float
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    cases: list[CaseResult]
    notes: list[str]

    def others(self) -> Spread:
        """Processors that other work kept busy, over all runs."""
        return Spread.of([run.load.others for case in self.cases for runs in case.runs.values() for run in runs])


_RESULTS = TypeAdapter(dict[str, Result])


def read(file: Path) -> dict[str, Result]:
    """Results by the benchmarks' names; none if there is no such file.

    Raises:
        ResultsError: it holds something else.
    """
    if not file.exists():
        return {}
    try:
        return _RESULTS.validate_json(file.read_bytes())
    except ValidationError as error:
        raise ResultsError(f"{file} does not hold results of benchmarks: {error.errors()[0]['msg']}.") from None


def write(file: Path, results: Mapping[str, Result]) -> None:
    """Write results, in the order of their names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_RESULTS.dump_json(dict(sorted(results.items())), indent=1) + b"\n")
