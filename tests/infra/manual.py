"""docs/operations.md against the program: which alarms a section is about, and the parts that the program tells.

A section about alarms has their names, as code, in its heading: `slot-lag`, or `<function>-errors` for a kind of them.
Below it stand the lines that begin with "Rings:", written by `python -m tests.infra.manual` like the table of all
alarms, and a line that begins with "First:", written by people: what to type first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.names import Names
from tests.infra.graph import ROOT, program

PAGE = ROOT / "docs" / "operations.md"
STACKS = ("dev", "prod", "local")
START, END = "<!-- alarms -->", "<!-- end of alarms -->"
HEADING = re.compile(r"^### (?P<title>.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
PLACEHOLDER = re.compile(r"<(\w+)>")
RINGS, FIRST, CAUSED = "Rings: ", "First: ", "Caused: "

_PERIODS = {60: "a minute", 300: "5 minutes", 600: "10 minutes", 3600: "an hour"}
_STATISTICS = {"Maximum": "most", "Minimum": "least", "Sum": "sum", "Average": "average"}
_UNITS = {
    "GetRecords.IteratorAgeMilliseconds": "ms",
    "ProjectionLag": "ms",
    "NotificationLag": "ms",
    "HeartbeatLag": "ms",
    "ApproximateAgeOfOldestMessage": "s",
    "CDCLatencySource": "s",
    "CDCLatencyTarget": "s",
    "OutboxOldestAge": "s",
    "OldestReplicationSlotLag": "bytes",
    "TransactionLogsDiskUsage": "bytes",
    "ACUUtilization": "%",
    "DatabaseMemoryUsagePercentage": "%",
    "EngineCPUUtilization": "%",
}


@dataclass(frozen=True)
class Section:
    """A part of the page below a heading of the third level, without it."""

    title: str
    text: str

    @property
    def patterns(self) -> tuple[str, ...]:
        """The alarms that it is about, as its heading names them."""
        return tuple(CODE.findall(self.title))

    @property
    def anchor(self) -> str:
        """Where a link to it goes: as GitHub makes it of a heading."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")

    def line(self, start: str) -> str | None:
        """The rest of the paragraph that begins so."""
        for paragraph in self.text.split("\n\n"):
            for part in re.split(rf"^(?={FIRST}|{RINGS}|{CAUSED})", paragraph, flags=re.MULTILINE):
                if part.startswith(start):
                    return " ".join(part.removeprefix(start).split())
        return None


def sections(text: str) -> list[Section]:
    """The sections of the page that are about alarms."""
    found, headings = [], list(HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        below = text[heading.end() : following.start() if following else None]
        section = Section(heading["title"], below.partition("\n## ")[0])
        if section.patterns:
            found.append(section)
    return found


@cache
def alarms() -> Mapping[str, Mapping[str, Any]]:
    """Inputs of every alarm of every stack, by the name that people know; those of prod where stacks differ."""
    found: dict[str, Mapping[str, Any]] = {}
    for stack in STACKS:
        prefix = Names("orders", stack, "eu-central-1").named("")
        for each in program(stack).of("MetricAlarm"):
            name = str(each.inputs["name"]).removeprefix(prefix)
            if name not in found or stack == "prod":
                found[name] = each.inputs
    return dict(sorted(found.items()))


@cache
def outputs() -> frozenset[str]:
    """Names of the outputs of all stacks together."""
    return frozenset(name for stack in STACKS for name in program(stack).exports)


def values(placeholder: str) -> list[str]:
    """What may stand for a placeholder: folders, or numbers."""
    endings = {"function": "_function", "consumer": "_queue_url", "schedule": "_schedule"}
    if placeholder == "n":
        return [str(number) for number in range(1, 7)]
    return sorted(name.removesuffix(endings[placeholder]) for name in outputs() if name.endswith(endings[placeholder]))


def filled(text: str) -> Iterator[tuple[str, str, str]]:
    """A text with each value of its placeholder: text, placeholder and value; itself if it has none."""
    found = PLACEHOLDER.search(text)
    if found is None:
        yield text, "", ""
        return
    for value in values(found[1]):
        yield text.replace(found[0], value), found[1], value


def about(section: Section) -> dict[str, tuple[str, str]]:
    """The alarms of a section that there are, each with the placeholder in its name and that one's value."""
    return {
        name: (placeholder, value)
        for pattern in section.patterns
        for text, placeholder, value in filled(pattern)
        if (name := text.replace("_", "-")) in alarms()
    }


def written(text: str) -> dict[str, Section]:
    """The section of each alarm. One whose heading has the very name goes before one with a placeholder."""
    found: dict[str, Section] = {}
    for section in sorted(sections(text), key=lambda each: any("<" not in pattern for pattern in each.patterns)):
        found |= dict.fromkeys(about(section), section)
    return found


def rings(alarm: Mapping[str, Any]) -> str:
    """When an alarm rings, in words."""
    sign = {"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": "≥"}[alarm["comparisonOperator"]]
    period, times = int(alarm["period"]), int(alarm["evaluationPeriods"])
    unit = _UNITS.get(alarm["metricName"], "")
    threshold = f"{alarm['threshold']:,.10g}{' ' * bool(unit)}{unit}"
    during = _PERIODS.get(period, f"{period} s")
    often = f", {times} times in a row" if times > 1 else ""
    silent = "; also when nothing is measured" if alarm["treatMissingData"] == "breaching" else ""
    return (
        f"{alarm['namespace']} `{alarm['metricName']}`, {_STATISTICS[alarm['statistic']]} of {during} "
        f"{sign} {threshold}{often}{silent}"
    )


def _rings_of(section: Section) -> str:
    lines = {}
    for pattern in section.patterns:
        names = [name.replace("_", "-") for name, *_ in filled(pattern)]
        told = sorted({rings(alarms()[name]) for name in names if name in alarms()})
        lines[pattern] = "; or ".join(told)
    if len(lines) == 1:
        return f"{RINGS}{next(iter(lines.values()))}."
    return "\n".join(f"{RINGS}`{pattern}` on {line}.  " for pattern, line in lines.items()).rstrip()


def table(text: str) -> str:
    """All alarms by name, each with its section and what to type first."""
    lines = ["| alarm | says | first |", "|---|---|---|"]
    for name, section in sorted(written(text).items()):
        placeholder, value = about(section)[name]
        first = (section.line(FIRST) or "").replace(f"<{placeholder}>", value)
        lines.append(f"| {name} | [{section.title.partition(':')[0]}](#{section.anchor}) | {first} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with what the program tells, as of today."""
    for section in sections(text):
        kept = re.sub(rf"(?m)^{RINGS}.*\n", "", section.text).lstrip("\n")
        text = text.replace(
            f"### {section.title}{section.text}", f"### {section.title}\n\n{_rings_of(section)}\n\n{kept}", 1
        )
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table(text)}\n\n{END}{after}"


def main(path: Path = PAGE) -> None:
    """Write the page anew."""
    path.write_text(page(path.read_text()))


if __name__ == "__main__":
    main()
