"""docs/twin.md says what the code does."""

from __future__ import annotations

from twin.cloud.registry import coverage
from twin.coverage import BEGIN, DOCUMENT, END, document, tables


def test_the_tables_are_fresh() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert document(text) == text, "run `python -m twin.coverage`"


def test_only_what_is_between_the_marks_is_written() -> None:
    assert document(f"before\n{BEGIN}\nold\n{END}\nafter") == f"before\n{BEGIN}\n\n{tables()}\n\n{END}\nafter"


def test_every_known_type_is_in_a_table() -> None:
    rows = [line for line in tables().splitlines() if line.startswith(("| `aws.", "| `random."))]
    assert len(rows) == len(coverage())
