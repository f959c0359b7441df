"""Results as pictures: bars with their spread for cases that stand alone, lines for cases along an axis."""

from __future__ import annotations

import io
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.frame.figures import number, ratio
from bench.frame.results import CaseResult, Result

_COLOURS = ("#888888", "#1f6fb2", "#d9822b", "#3a8f4d", "#a05195", "#c23b22")
_WIDTH = 8.0
# matplotlib declares some hundred names for the keys.
_STYLE: dict[Any, Any] = {"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "bench", "axes.spines.top": False,
          "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "both", "grid.alpha": 0.3,
          "axes.axisbelow": True}  # fmt: skip


def draw(result: Result, form: Literal["png", "svg"]) -> bytes:
    """The picture of one benchmark; the same results give the same bytes."""
    with matplotlib.rc_context(_STYLE):
        figure = _lines(result) if result.axis is not None else _bars(result)
        figure.suptitle(result.title, x=0.01, ha="left", fontweight="bold")
        figure.supxlabel(
            f"{result.rounds} rounds, {result.machine['processor']}, {result.date[:10]}", fontsize=7, x=0.99, ha="right"
        )
        picture = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(picture, format=form, dpi=110, metadata=metadata)
    return picture.getvalue()


def _bars(result: Result) -> Figure:
    heights = [0.35 + 0.28 * len(case.runs) for case in result.cases]
    figure = Figure(figsize=(_WIDTH, 0.9 + sum(heights) + 0.35 * len(heights)), layout="constrained")
    panels = figure.subplots(len(result.cases), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for panel, case in zip(panels[:, 0], result.cases, strict=True):
        _bar_panel(panel, case)
    return figure


def _bar_panel(panel: Axes, case: CaseResult) -> None:
    measure = case.measures[0]
    names = list(case.runs)
    for place, name in enumerate(names):
        found = case.spread(name, measure.name)
        colour = _COLOURS[0] if name == case.against else _COLOURS[1]
        panel.barh(place, found.median, color=colour, height=0.7)
        panel.plot([found.least, found.most], [place, place], color="black", linewidth=1.2)
        text = number(found.median)
        if name != case.against:
            text += f"  ({ratio(case.ratio(name, measure.name).median)})"
        panel.annotate(text, (found.most, place), xytext=(4, 0), textcoords="offset points", va="center")
    panel.set_yticks(range(len(names)), names)
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.margins(x=0.2)
    panel.set_xlim(left=0)
    panel.set_title(f"{case.name} [{measure.unit}]", loc="left", fontsize=9)


def _lines(result: Result) -> Figure:
    figure = Figure(figsize=(_WIDTH, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    cases = [case for case in result.cases if case.at is not None]
    first = cases[0].measures[0]
    base = cases[0].against
    names = list(dict.fromkeys(name for case in cases for name in case.runs))
    for name, colour in zip(names, _colours(names, base), strict=True):
        own = [case for case in cases if name in case.runs]
        at = [float(case.at or 0) for case in own]
        found = [case.spread(name, first.name) for case in own]
        left.plot(at, [each.median for each in found], marker="o", markersize=3, color=colour, label=name)
        left.fill_between(at, [each.least for each in found], [each.most for each in found], color=colour, alpha=0.15)
        shares = [case.ratio(name, first.name) for case in own]
        right.plot(at, [each.median for each in shares], marker="o", markersize=3, color=colour)
        right.fill_between(
            at, [each.least for each in shares], [each.most for each in shares], color=colour, alpha=0.15
        )
    for panel, title in ((left, first.unit), (right, f"of {base}")):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel(result.axis or "")
        panel.set_title(title, loc="left", fontsize=9)
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    return figure


def _colours(names: list[str], base: str) -> list[str]:
    rest = iter(_COLOURS[1:] * len(names))
    return [_COLOURS[0] if name == base else next(rest) for name in names]
