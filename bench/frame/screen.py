"""Results as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from rich.console import Console
from rich.table import Table

from bench.frame.comparison import Difference
from bench.frame.figures import number, ratio, spread
from bench.frame.results import Result


def show(console: Console, result: Result) -> None:
    """One table: each contender's measures, and how they stand to what they are compared with."""
    grid = Table(title=f"{result.title} ({result.seconds:.0f} s)", title_justify="left")
    for head in ("case", "contender", "measure"):
        grid.add_column(head)
    for head in ("lowest", "median", "highest", "unit", "ratio (lowest-highest)"):
        grid.add_column(head, justify="right")
    for case in result.cases:
        title = case.name
        for contender in case.runs:
            for measure in case.measures:
                found = case.spread(contender, measure.name)
                base = contender == case.against
                grid.add_row(
                    title,
                    f"[bold]{contender}[/]" if base else contender,
                    measure.name,
                    *(number(value) for value in found),
                    measure.unit,
                    "1" if base else spread(case.ratio(contender, measure.name)),
                )
                title = ""
        grid.add_section()
    console.print(grid)
    for case in result.cases:
        for verdict in case.verdicts():
            mark = "[green]reached[/]" if verdict.reached else "[red]missed[/]"
            console.print(
                f"  {mark} {case.name}: {verdict.goal.contender} {verdict.measure.name} "
                f"{ratio(verdict.figure)}, goal {verdict.bound}"
            )
    for note in result.notes:
        console.print(indent(note, "  "), markup=False)
    others = result.others()
    console.print(f"  Other work kept {ratio(others.median)} processors busy (up to {ratio(others.most)}).\n")


def differences(console: Console, found: Sequence[Difference]) -> None:
    """What is clearly different from the last committed results."""
    clear = [each for each in found if each.clear]
    if not found:
        console.print("Nothing committed to compare with.")
        return
    console.print(f"Of {len(found)} ratios, {len(clear)} lie outside all rounds of the last committed results.")
    if not clear:
        return
    grid = Table(title="Clear differences", title_justify="left")
    for head in ("benchmark", "case", "contender", "measure"):
        grid.add_column(head)
    for head in ("now", "then", "times"):
        grid.add_column(head, justify="right")
    for each in clear:
        colour = "green" if each.better else "red"
        change = f"[{colour}]{ratio(each.change)}[/]"
        grid.add_row(
            each.benchmark, each.case, each.contender, each.measure, spread(each.now), spread(each.then), change
        )
    console.print(grid)
