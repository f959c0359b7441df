"""docs/security.md names tests that exist, and every kind of threat."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)))


@cache
def _tests(name: str) -> set[str]:
    [path] = (ROOT / "tests").rglob(name)
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_exists(file: str, test: str) -> None:
    assert test in _tests(file)


def test_every_threat_names_a_test() -> None:
    threats = PAGE.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and not line.startswith("| boundary")]
    assert len(rows) > 15
    assert [row for row in rows if "::test_" not in row] == []
    for kind in ("spoofing", "tampering", "repudiation", "information disclosure", "denial of service", "elevation"):
        assert kind in threats


def test_every_attack_is_on_the_page() -> None:
    files = {path.name for path in (ROOT / "tests" / "attack").glob("test_*.py")} - {Path(__file__).name}
    assert files - {file for file, _ in NAMED} == set()


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([a-z./-]+\.md)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
