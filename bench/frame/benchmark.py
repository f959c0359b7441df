"""What a benchmark is: cases, in each of which contenders do the same work in turns, beside a limit or a peer.

A module of bench/ names its own in `BENCHMARKS`. `cases` prepares what a case needs, yields the case, and is asked for
the next one when that is measured; what has to be undone goes onto `place.stack`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# Does the work once and gives the case's measures by name.
Contender = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Measure:
    """One thing that each run of a contender is measured by, in `unit`."""

    name: str
    unit: str
    better: Literal["more", "less"] = "more"


@dataclass(frozen=True)
class Goal:
    """What a contender is to reach: a ratio to another one in the same rounds, or a figure by itself.

    Attributes:
        against: the contender that the ratio is to; None if least and most are in the measure's unit.
        measure: None for the case's first.
    """

    contender: str
    against: str | None = None
    least: float | None = None
    most: float | None = None
    measure: str | None = None


@dataclass(frozen=True)
class Case:
    """Contenders that do the same work.

    Attributes:
        measures: the first one is the one that is drawn.
        against: the contender that all are compared with: the limit or the peer.
        at: where the case is on the benchmark's axis, such as a batch's size; None if it has none.
        warm: runs of each contender before those that count.
        rounds: None for as many as the benchmark has.
    """

    name: str
    measures: Sequence[Measure]
    contenders: Mapping[str, Contender]
    against: str
    goals: Sequence[Goal] = ()
    at: float | None = None
    warm: int = 1
    rounds: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a benchmark works.

    Attributes:
        folder: its own, gone at the end.
        sizes: how much to do.
        stack: what to undo at the end.
        notes: paragraphs of Markdown to be shown with the figures.
    """

    folder: Path
    sizes: Mapping[str, int]
    stack: ExitStack
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, called `name` on the command line.

    Attributes:
        about: what is compared, and what the figures do not say; Markdown, shown with them.
        sizes: how much to do, by name; `--set name=number` changes one.
        axis: what the cases differ in, if they are points of a line.
    """

    name: str
    title: str
    about: str
    cases: Callable[[Place], Iterator[Case]]
    rounds: int = 5
    sizes: Mapping[str, int] = field(default_factory=dict)
    axis: str | None = None
