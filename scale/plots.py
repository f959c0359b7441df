"""The plots of the page, as SVG. Each has a digest of what it shows, so that a stale one is found undrawn."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from scale import findings
from scale.findings import FAULT_BEGIN_S, FAULT_S
from scale.line import PIPE
from scale.parts import parts
from scale.steps import STEPS

_COLOURS = ("#3a8f4d", "#1f6fb2", "#d9822b", "#c23b22")
# matplotlib declares some hundred names for the keys.
_STYLE: dict[Any, Any] = {
    "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "scale", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True,
}  # fmt: skip
Series = dict[str, list[tuple[float, float]]]


def limits() -> Series:
    """What each part carries: of the dev stack as it is, and of the largest one."""
    stacks = {"Pulumi.dev.yaml": findings.stack_config("dev"), "every key at its largest": findings.largest()}
    return {
        f"{name}|{part.name}": [(number, round(part.capacity))]
        for name, config in stacks.items()
        for number, part in enumerate(parts(config))
    }


def saturation() -> Series:
    """Events that wait before the pipe, over time."""
    return {
        f"{share:.0%} of what the pipe carries": _points(outcome.times_s, outcome.queues[PIPE])
        for share, outcome in findings.saturation().items()
    }


def fault() -> Series:
    """The same around a minute in which the pipe gets nothing done."""
    return {
        f"{share:.0%} of what the pipe carries": _points(outcome.times_s, outcome.queues[PIPE])
        for share, outcome in findings.faults().items()
    }


def _points(times: list[float], lengths: list[int]) -> list[tuple[float, float]]:
    return [(round(at, 3), length) for at, length in zip(times, lengths, strict=True)]


def digest(series: Series) -> str:
    """Sixteen digits that change with the data."""
    return hashlib.sha256(json.dumps(series, sort_keys=True).encode()).hexdigest()[:16]


def draw(name: str) -> str:
    """One plot as SVG; the same data give the same text."""
    series = SERIES[name]()
    with matplotlib.rc_context(_STYLE):
        figure = _FIGURES[name](series)
        picture = io.StringIO()
        metadata = {"Date": None, "Description": f"data {digest(series)}"}
        figure.savefig(picture, format="svg", metadata=metadata)
    return "\n".join(line.rstrip() for line in picture.getvalue().splitlines()) + "\n"


def _limits(series: Series) -> Figure:
    stacks = list(dict.fromkeys(key.partition("|")[0] for key in series))
    names = list(dict.fromkeys(key.partition("|")[2] for key in series))
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for stack, colour, offset in zip(stacks, (_COLOURS[1], _COLOURS[2]), (-0.2, 0.2), strict=True):
        widths = [series[f"{stack}|{name}"][0][1] for name in names]
        least = min(widths)
        bars = axes.barh([place + offset for place in range(len(names))], widths, 0.38, color=colour, label=stack)
        for bar, width in zip(bars, widths, strict=True):
            bar.set_alpha(1.0 if width == least else 0.45)
    axes.set_xscale("log")
    axes.set_xlim(10, 3e6)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    for step in STEPS[1:]:
        axes.axvline(step, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("orders a second; dotted: the steps; full colour: what limits first")
    figure.legend(loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    return figure


def _over_time(series: Series, limit: float | None) -> Figure:
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots()
    for (label, points), colour in zip(series.items(), _COLOURS, strict=False):
        axes.plot([at for at, _ in points], [length for _, length in points], color=colour, label=label, linewidth=1.3)
    if limit is not None:
        axes.axvspan(FAULT_BEGIN_S, FAULT_BEGIN_S + FAULT_S, color="#888888", alpha=0.2)
        axes.set_xlim(0, limit)
    else:
        # What wanders at saturation is hundreds, what grows above it thousands.
        axes.set_yscale("symlog", linthresh=10)
    axes.set_xlabel("seconds")
    axes.set_ylabel("events that wait in the stream")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return figure


SERIES: dict[str, Callable[[], Series]] = {"limits": limits, "saturation": saturation, "fault": fault}
_FIGURES: dict[str, Callable[[Series], Figure]] = {
    "limits": _limits,
    "saturation": lambda series: _over_time(series, None),
    "fault": lambda series: _over_time(series, 400),
}
