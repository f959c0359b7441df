"""The table of mutations in docs/guarantees.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from mutations.trial import ROOT, Result

PAGE = ROOT / "docs" / "guarantees.md"
START, END = "<!-- mutations -->\n", "<!-- end of mutations -->\n"
_NAMED = re.compile(r"\(`([a-z0-9-]+)`\) \|")


def row(result: Result) -> str:
    """Write a result as a row of the table in Markdown."""
    mutation = result.mutation
    noticed = f"`{_shown(result.failing[0])}`" if result.caught else "**nobody**"
    return f"| {mutation.promise} | {mutation.breakage} (`{mutation.name}`) | {noticed} |"


def _shown(test: str) -> str:
    """A test by file and name, without its parameters."""
    return test.partition("[")[0].removeprefix("tests/")


def write(results: Sequence[Result], known: Collection[str], page: Path = PAGE) -> None:
    """Put the results into the table between its marks on the page, beside those of earlier runs.

    Args:
        known: names of the mutations that there are; rows of others go.
    """
    before, start, rest = page.read_text().partition(START)
    table, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"{page.name} has lost the marks of the table of mutations.")
    rows = {named[1]: line for line in table.splitlines() if (named := _NAMED.search(line))}
    rows |= {result.mutation.name: row(result) for result in results}
    kept = sorted(line for name, line in rows.items() if name in known)
    caught = sum("**nobody**" not in line for line in kept)
    lines = [
        "| promise | broken by | noticed by |",
        "|---|---|---|",
        *kept,
        "",
        f"{caught} of {len(kept)} are noticed.",
    ]
    page.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n\n{END}{after}")
