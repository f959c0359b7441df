"""The table of mutations in docs/guarantees.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mutations.trial import ROOT, Result

PAGE = ROOT / "docs" / "guarantees.md"
START, END = "<!-- mutations -->\n", "<!-- end of mutations -->\n"


def table(results: Sequence[Result]) -> str:
    """Write the results as a table in Markdown."""
    lines = ["| promise | broken by | noticed by |", "|---|---|---|"]
    for result in results:
        mutation = result.mutation
        noticed = ", ".join(f"`{_shown(test)}`" for test in result.failing[:1]) if result.caught else "**nobody**"
        lines.append(f"| {mutation.promise} | {mutation.breakage} (`{mutation.name}`) | {noticed} |")
    caught = sum(result.caught for result in results)
    return "\n".join([*lines, "", f"{caught} of {len(results)} noticed in the last full run.", ""])


def _shown(test: str) -> str:
    """A test by file and name, without its parameters."""
    return test.partition("[")[0].removeprefix("tests/")


def write(results: Sequence[Result], page: Path = PAGE) -> None:
    """Put the table between its marks on the page."""
    before, start, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"{page.name} has lost the marks of the table of mutations.")
    page.write_text(f"{before}{START}\n{table(results)}\n{END}{after}")
