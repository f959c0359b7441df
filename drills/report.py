"""The figures of drills as a table in Markdown, for docs/guarantees.md and the terminal alike."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

from drills.errors import DrillError
from drills.registry import DRILLS
from drills.result import Result

HEAD = "| drill | promise | orders | settled | recovery, s | at rest, s | notes |\n|---|---|---|---|---|---|---|"


def table(results: Mapping[str, Result | str]) -> str:
    """One row for each drill, by name; recovery is median and longest."""
    return "\n".join([HEAD, *(_row(name, results[name]) for name in sorted(results))])


def each_fault(result: Result) -> str:
    """The seconds of recovery after each fault, by the kind of fault: how often, median, longest."""
    kinds: dict[str, list[float]] = {}
    for name, seconds in result.recoveries:
        kinds.setdefault(name, []).append(seconds)
    rows = [
        f"| {name} | {len(found)} | {statistics.median(found):.1f} | {max(found):.1f} |"
        for name, found in sorted(kinds.items())
    ]
    return "\n".join(["| fault | times | recovery, median s | longest s |", "|---|---|---|---|", *rows])


def write(page: Path, part: str, text: str) -> None:
    """Replace what stands in a page between the marks `<!-- part -->` and `<!-- end of part -->`.

    Raises:
        DrillError: the page has no such marks.
    """
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise DrillError(f"{page} has no marks for {part}.")
    page.write_text(f"{before}{begin}{text}\n{end}{after}", "utf-8")


def _row(name: str, result: Result | str) -> str:
    promise = DRILLS[name].promise if name in DRILLS else ""
    if isinstance(result, str):
        return f"| `{name}` | {promise} | | | | | FAILED: {result.splitlines()[0]} |"
    seconds = [one for _, one in result.recoveries]
    recovery = f"{statistics.median(seconds):.1f}, {max(seconds):.1f}" if seconds else ""
    notes = [*result.notes, *([f"{result.repeated_mails} mails twice"] if result.repeated_mails else [])]
    return (
        f"| `{name}` | {promise} | {result.accepted} | {result.settled} | {recovery} | {result.rest_s:.1f} "
        f"| {'; '.join(notes)} |"
    )
