"""This run beside the last committed one: by ratios, because the machine may be another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.frame.results import CaseResult, Result, Spread


@dataclass(frozen=True)
class Difference:
    """One contender's ratio to what its case compares it with, now and then.

    `change` is the new median divided by the old one. `clear` says that no round of now reached a round of then.
    """

    benchmark: str
    case: str
    contender: str
    measure: str
    now: Spread
    then: Spread
    better: bool

    @property
    def change(self) -> float:
        """The new median divided by the old one."""
        return self.now.median / self.then.median if self.then.median else 1.0

    @property
    def clear(self) -> bool:
        """Whether the two runs have no ratio in common."""
        return self.now.least > self.then.most or self.now.most < self.then.least


def compare(now: Mapping[str, Result], then: Mapping[str, Result]) -> list[Difference]:
    """What both runs have, in the order of the new one."""
    found = []
    for name, result in now.items():
        known = {case.name: case for case in then[name].cases} if name in then else {}
        for case in result.cases:
            if case.name in known and known[case.name].against == case.against:
                found += list(_differences(name, case, known[case.name]))
    return found


def _differences(benchmark: str, now: CaseResult, then: CaseResult) -> Iterator[Difference]:
    known = {measure.name for measure in then.measures}
    for contender in now.runs:
        if contender == now.against or contender not in then.runs:
            continue
        for measure in now.measures:
            if measure.name in known:
                new, old = now.ratio(contender, measure.name), then.ratio(contender, measure.name)
                better = (new.median > old.median) == (measure.better == "more")
                yield Difference(benchmark, now.name, contender, measure.name, new, old, better)
