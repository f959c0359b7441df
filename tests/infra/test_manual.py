"""docs/operations.md has every alarm and nothing else, and what it tells to type, look at or read is there."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from policy.metrics import NAMESPACES
from tests.infra.graph import ROOT, program
from tests.infra.manual import (
    CAUSED,
    CODE,
    FIRST,
    PAGE,
    STACKS,
    Section,
    about,
    alarms,
    filled,
    outputs,
    page,
    rings,
    sections,
    written,
)
from tests.ops.test_lessons import COMMANDS, USAGE_ERROR, takes

TEXT = PAGE.read_text()
SECTIONS = sections(TEXT)
COMMAND = re.compile(r"(?:`|^    |^)ops (?P<words>[^`#\n]+)", re.MULTILINE)
OUTPUT = re.compile(r"\$\(pulumi stack output (\S+?)\)")
NAMED_OUTPUTS = re.compile(r"outputs?\s+`(\w+)`")
TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")
KEY = re.compile(r"`([a-z]+[A-Z]\w+)`")


def test_every_alarm_has_a_section() -> None:
    assert sorted(set(alarms()) - set(written(TEXT))) == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.title)
def test_every_name_in_a_heading_is_an_alarms(section: Section) -> None:
    for pattern in section.patterns:
        assert {name.replace("_", "-") for name, *_ in filled(pattern)} & set(alarms()), pattern


def test_an_alarm_without_a_section_is_found() -> None:
    without = TEXT.replace("### The stream is full: `stream-full`", "### The stream is full")
    assert set(alarms()) - set(written(without)) == {"stream-full"}


def test_what_the_program_tells_is_fresh() -> None:
    assert page(TEXT) == TEXT, "The alarms have changed: run `python -m tests.infra.manual`."


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.title)
def test_a_section_says_what_to_type_first_and_how_it_was_caused(section: Section) -> None:
    first, caused = section.line(FIRST), section.line(CAUSED)
    assert first is not None
    assert CODE.search(first)
    assert caused
    assert TEST.search(caused) or caused.startswith(("not tried", "with the next one")), caused


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.title)
def test_a_section_can_be_read_at_night(section: Section) -> None:
    # A screen: about fifty lines.
    assert len(section.text.splitlines()) <= 45


@pytest.mark.parametrize("stack", STACKS)
def test_thresholds_are_those_of_every_stack(stack: str) -> None:
    """The page shows one threshold an alarm; a stack that has another must not be misled."""
    for alarm in program(stack).of("MetricAlarm"):
        name = str(alarm.inputs["name"]).removeprefix(f"orders-{stack}-")
        assert rings(alarm.inputs) == rings(alarms()[name]), name


def commands() -> Iterator[str]:
    """What the page tells to type behind `ops`, with a value for each placeholder."""
    for match in COMMAND.finditer(TEXT):
        words, _, _ = match["words"].partition("   ")
        yield next(filled(words.strip().replace("<id>", "6f1c9f6e")))[0]


@pytest.mark.parametrize("words", sorted(set(commands())))
def test_a_command_is_one_that_ops_takes(words: str) -> None:
    typed = tuple(shlex.split(words))
    # Some are spoken of, without what they are about.
    if typed not in COMMANDS:
        takes(list(typed))


def test_an_unknown_command_would_be_found() -> None:
    with pytest.raises(USAGE_ERROR):
        takes(["capture", "mend"])
    assert len(set(commands())) > 15
    assert {words.split()[0] for words in commands()} >= {"dlq", "capture", "log", "reconcile", "rebuild"}


def test_every_output_is_one() -> None:
    named = {text for each in OUTPUT.findall(TEXT) for text, *_ in filled(each)} | set(NAMED_OUTPUTS.findall(TEXT))
    assert {"pipe_name", "alarm_topic_arn", "place_order_function", "project_clients_function"} <= named
    assert named - outputs() == set()


def test_every_configuration_key_is_one() -> None:
    known = set(re.findall(r"^  orders:(\w+):|^  (\w+):", (ROOT / "Pulumi.yaml").read_text(), re.MULTILINE))
    keys = {key for pair in known for key in pair if key} | set(re.findall(r"^\s+(\w+):$", _pulumi(), re.MULTILINE))
    named = {key for key in KEY.findall(TEXT) if key not in _metric_names()}
    assert named
    assert {key for key in named if key not in keys} == set()


def _pulumi() -> str:
    return (ROOT / "Pulumi.yaml").read_text()


def _metric_names() -> set[str]:
    return {str(alarm["metricName"]) for alarm in alarms().values()}


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(TEXT))))
def test_every_test_that_it_names_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("name", [name for name, alarm in alarms().items() if alarm["namespace"] not in NAMESPACES])
def test_a_metric_of_our_own_is_written_by_the_function_that_the_alarm_names(name: str) -> None:
    """policy/metrics.py knows the metrics of AWS; those in the functions' namespace are known to their code alone."""
    alarm = alarms()[name]
    folder = ROOT / "functions" / alarm["dimensions"]["service"]
    assert list(alarm["dimensions"]) == ["service"]
    assert alarm["metricName"] in set(_written_by(folder)), f"{folder} writes {sorted(_written_by(folder))}"


def _written_by(folder: Path) -> Iterator[str]:
    """Names of metrics in calls of `add_metric` in a function's folder."""
    for path in folder.glob("*.py"):
        for call in (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_metric":
                for keyword in call.keywords:
                    if keyword.arg == "name":
                        yield from (
                            each.value
                            for each in ast.walk(keyword.value)
                            if isinstance(each, ast.Constant) and isinstance(each.value, str)
                        )


def test_the_table_has_each_alarm_once_with_something_to_type() -> None:
    rows = re.findall(r"^\| ([\w-]+) \| \[[^]]+\]\(#([\w-]+)\) \| (.+) \|$", TEXT, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(alarms())
    anchors = {section.anchor for section in SECTIONS}
    for _, anchor, first in rows:
        assert anchor in anchors
        assert "`" in first
        assert "<" not in first


def test_placeholders_stand_for_all_that_there_are() -> None:
    of: Mapping[str, Any] = {each.title: about(each) for each in SECTIONS}
    (errors,) = [found for title, found in of.items() if "<function>-errors" in title]
    assert {value for _, value in errors.values()} >= {"place_order", "notify_client", "migrate", "reconcile"}
