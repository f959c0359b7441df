"""The mutations are fit to be tried: each applies to the code as it is, and names tests that exist.

That the tests notice them is what `make mutate` shows.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mutations.errors import MalformedPatch, StalePatch
from mutations.mutation import Mutation, mutations, read
from mutations.page import END, PAGE, START, write
from mutations.trial import ROOT, Result

MUTATIONS = mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_applies_and_changes_something(mutation: Mutation) -> None:
    for path, text in mutation.mutated(ROOT).items():
        assert text != (ROOT / path).read_text()
        if path.endswith(".py"):
            ast.parse(text)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_tests_of_a_mutation_exist(mutation: Mutation) -> None:
    for test in mutation.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name.partition("[")[0] in functions if name else functions


def test_the_page_has_every_mutation_and_all_were_noticed() -> None:
    page = PAGE.read_text()
    for mutation in MUTATIONS:
        assert f"(`{mutation.name}`)" in page, f"run make mutate: {mutation.name} is not in {PAGE.name}"
    assert "**nobody**" not in page


HEAD = "Promise: p\nBreak: b\nTest: tests/x.py\n"
DIFF = "--- a/one.txt\n+++ b/one.txt\n@@ -9,9 +9,9 @@\n before\n-old\n+new\n after\n"


def test_a_patch_is_found_by_its_lines_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("much\nbefore\nold\nafter\nmore\n")
    read("name", HEAD + DIFF).apply(tmp_path)
    assert (tmp_path / "one.txt").read_text() == "much\nbefore\nnew\nafter\nmore\n"


@pytest.mark.parametrize("content", ["before\nanother\nafter\n", "before\nold\nafter\n" * 2, ""])
def test_a_patch_that_does_not_fit_is_loud_and_changes_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "one.txt").write_text(content)
    with pytest.raises(StalePatch, match=r"name: these lines are in one\.txt"):
        read("name", HEAD + DIFF).apply(tmp_path)
    assert (tmp_path / "one.txt").read_text() == content
    (tmp_path / "one.txt").unlink()
    with pytest.raises(StalePatch, match=r"no file one\.txt"):
        read("name", HEAD + DIFF).apply(tmp_path)


@pytest.mark.parametrize("text", ["", DIFF, HEAD, f"Promise: p\n{DIFF}", f"{HEAD}Nothing\n{DIFF}"])
def test_a_patch_file_without_its_parts_is_refused(text: str) -> None:
    with pytest.raises(MalformedPatch):
        read("name", text)


def test_a_run_writes_its_rows_and_keeps_those_of_others(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}{END}after\n")
    one, two = read("one", HEAD + DIFF), read("two", HEAD + DIFF)
    write([Result(one, False, (), ""), Result(two, True, ["tests/x.py::test_y[1]"], "")], {"one", "two"}, page)
    assert "(`one`) | **nobody** |" in page.read_text()
    assert "1 of 2 are noticed" in page.read_text()
    write([Result(one, True, ["tests/x.py::test_z"], "")], {"one", "two"}, page)
    assert "(`one`) | `x.py::test_z` |" in page.read_text()
    assert "(`two`) | `x.py::test_y` |" in page.read_text()
    write([], {"two"}, page)
    assert "`one`" not in page.read_text()
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
