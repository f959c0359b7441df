"""Drills by name, in the order of a seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import __main__ as command  # noqa: F401 - registers the drills
from drills.errors import DrillError, UnknownDrill
from drills.registry import DRILLS, drill, find
from drills.report import each_fault, table, write
from drills.result import Result
from drills.runner import shuffled


def test_drills_are_found_by_name_and_by_beginning() -> None:
    assert [one.name for one in find("copies, kill-pipe")] == ["copies", "kill-pipe"]
    assert {one.name for one in find("network-")} == {name for name in DRILLS if name.startswith("network-")}
    with pytest.raises(UnknownDrill, match="there are"):
        find("nothing-like-it")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two drills named copies"):
        drill("copies", "")(lambda _: None)


def test_a_seed_gives_an_order() -> None:
    drills = list(DRILLS.values())
    assert shuffled(drills, 3) == shuffled(drills, 3) != shuffled(drills, 4)
    assert sorted(one.name for one in shuffled(drills, 3)) == sorted(DRILLS)


def test_the_report_has_a_row_for_each_and_says_what_failed() -> None:
    result = Result(recoveries=[("a", 1.0), ("b", 3.0)], accepted=9, settled=2, repeated_mails=1)
    rows = table({"kill-pipe": result, "copies": "versions_have_no_gaps: broken\nmore"}).splitlines()[2:]
    assert rows[0].endswith("| FAILED: versions_have_no_gaps: broken |")
    assert "| 9 | 2 | 2.0, 3.0 | 0.0 | 1 mails twice |" in rows[1]


def test_figures_go_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- drills -->\nold\n<!-- end of drills -->\nb\n")
    for _ in range(2):
        write(page, "drills", "new")
        assert page.read_text() == "a\n<!-- drills -->\nnew\n<!-- end of drills -->\nb\n"
    with pytest.raises(DrillError, match="no marks for soak"):
        write(page, "soak", "new")


def test_a_soak_tells_each_kind_of_fault() -> None:
    result = Result(recoveries=[("kill", 1.0), ("kill", 4.0), ("cut", 2.0)])
    assert each_fault(result).splitlines()[2:] == ["| cut | 1 | 2.0 | 2.0 |", "| kill | 2 | 2.5 | 4.0 |"]
