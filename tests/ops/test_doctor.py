"""The doctor as a whole: one check that cannot be made stops no other, and what the command ends with."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from ops.checks.check import Check, Finding, NotMade, Report, Scene
from ops.doctor import CHECKS, Outcome, _show, examine, exit_code
from ops.errors import FunctionFailed, OutputMissing, Unreachable
from ops.session import Session
from ops.stack import ROOT, Stack
from tests.ops.staged import Stage, stage

__all__ = ["stage"]


def well(_: Scene) -> Report:
    return Report("fine")


def wrong(_: Scene) -> Report:
    return Report("bad", (Finding("it is broken", "mend it"),), {"n": 1})


def denied(scene: Scene) -> Report:
    scene.aws.client("pipes").describe_pipe(Name="events")
    raise AssertionError("unreachable")


def examined(stage: Stage, *checks: Check) -> dict[str, Outcome]:
    return {each.name: each for each in examine(stage.scene, checks)}


def test_a_check_that_cannot_be_made_is_told_and_the_others_are_made(stage: Stage) -> None:
    stage.fails("pipes", "describe_pipe", "AccessDeniedException", "may not")

    def missing(scene: Scene) -> Report:
        raise OutputMissing("Stack dev has no output 'x'.")

    def unseen(scene: Scene) -> Report:
        raise NotMade("nobody knows")

    found = examined(
        stage, Check("a", denied), Check("b", wrong), Check("c", missing), Check("d", unseen), Check("e", well)
    )
    assert [each.state for each in found.values()] == ["not made", "wrong", "not made", "not made", "well"]
    assert "may not" in found["a"].says
    assert "no output" in found["c"].says
    assert found["b"].findings == (Finding("it is broken", "mend it"),)


def test_a_function_that_fails_is_wrong_in_its_own_words(stage: Stage) -> None:
    def failing(scene: Scene) -> Report:
        raise FunctionFailed("heartbeat-physical", "DatabaseUnavailable: gone")

    (outcome,) = examined(stage, Check("a", failing)).values()
    (finding,) = outcome.findings
    assert outcome.state == "wrong"
    assert "DatabaseUnavailable: gone" in finding.wrong
    assert "`python -m ops --stack dev log heartbeat`" in finding.remedy


def test_what_is_wrong_counts_more_than_what_cannot_be_seen() -> None:
    def ended(*states: str) -> int:
        return exit_code([Outcome("a", state, "", (), {}) for state in states])  # type: ignore[arg-type]

    assert ended("well", "well") == 0
    assert ended("well", "wrong", "not made") == 1
    assert ended("well", "not made") == 3


def test_checks_are_made_at_the_same_time_and_told_in_order(stage: Stage) -> None:
    both = threading.Barrier(2, timeout=30)

    def waits(_: Scene) -> Report:
        both.wait()
        return Report("fine")

    assert list(examined(stage, Check("a", waits), Check("b", waits))) == ["a", "b"]


def test_the_stores_are_asked_once_for_all_checks_also_when_that_fails(stage: Stage) -> None:
    stage.fails("lambda", "invoke", "AccessDeniedException", "may not")
    for _ in range(2):
        with pytest.raises(Unreachable, match="may not"):
            stage.scene.store("database")


def test_the_checks_follow_the_flow() -> None:
    assert [check.name for check in CHECKS] == [
        "database", "slot", "task", "stream", "pipe", "subscriptions", "queues", "mappings", "dead letters", "cache",
        "heartbeat", "schedules",
    ]  # fmt: skip


def _no_stack() -> Stack:
    raise AssertionError("nobody asked for a stack")


@pytest.mark.parametrize("terminal", [True, False])
def test_each_finding_is_a_line_with_what_to_do(terminal: bool) -> None:
    session = Session(_no_stack)
    session.console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
    two = (Finding("[one] is broken", "`mend one`"), Finding("another is", "`mend another`"))
    _show(session, [Outcome("pipe", "wrong", "bad", two, {}), Outcome("cache", "well", "it is fine", (), {})])
    text = session.console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"pipe\W+WRONG\W+\[one\] is broken\. Do: `mend one`", text)
    assert re.search(r"pipe\W+WRONG\W+another is\. Do: `mend another`", text)
    assert re.search(r"cache\W+well\W+it is fine", text)
    assert "2 findings." in text


def test_the_manual_has_every_check() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    section = manual.partition("\n## Doctor\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (?!check )([a-z ]+) \|", section, re.MULTILINE) == [check.name for check in CHECKS]
