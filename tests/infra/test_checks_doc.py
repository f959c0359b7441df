"""docs/checks.md says what the rules are."""

from __future__ import annotations

import pytest

from policy.rule import Rule
from policy.rules import RULES
from policy.table import END, PAGE, START, page
from tests.infra.graph import ROOT


def test_table_is_fresh() -> None:
    text = PAGE.read_text()
    assert START in text
    assert END in text
    assert page(text) == text, "The rules have changed: run `python -m policy.table`."


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_on_the_page(rule: Rule) -> None:
    row = next(line for line in PAGE.read_text().splitlines() if f"`{rule.name}`" in line)
    assert rule.summary in row
    assert rule.remedy in row


@pytest.mark.parametrize(
    "path",
    [
        *(
            "policy/permissions.py",
            "policy/metrics.py",
            "tests/infra/golden/undecided.txt",
            "tests/infra/test_rules.py",
        ),
        *("twin/cloud/shape.py", "tests/infra/test_api_model.py", "tests/infra/iam_reference.py"),
        "tests/infra/test_code_calls.py",
    ],
)
def test_page_names_what_is_there(path: str) -> None:
    assert path in PAGE.read_text()
    assert (ROOT / path).exists()
