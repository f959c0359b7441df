"""The deployer's policy covers the program, names what AWS knows, and gives no more than it must."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from deployer import account
from deployer.__main__ import FOLDER, PREFIX, main, pages
from deployer.need import Need
from deployer.policy import LONGEST, NEEDS, documents, size
from tests.infra.graph import program, run

ALL = [("before", account.BEFORE), *NEEDS.items()]
EVERY = [(kind, need, action) for kind, needs in ALL for need in needs for action in need.actions]
STACKS = ("dev", "local", "prod")
# Types that only some values of the configuration bring in.
MORE = {"orders:flowLogs": "all"}


def used_types() -> set[str]:
    graphs = [*(program(stack) for stack in STACKS), run(settings=MORE)]
    return {found.type for graph in graphs for found in graph.resources if found.type.startswith("aws:")}


def test_every_type_of_the_program_is_covered() -> None:
    missing = used_types() - set(NEEDS)
    assert not missing, f"Add to deployer/ what the provider calls for {sorted(missing)}, then `python -m deployer`."


def known(need: Need, action: str) -> list[str]:
    """ARN formats of the resources that the action takes, `*` for none."""
    data = get_action_data(need.service, action)
    assert data, f"{need.service}:{action} is no action"
    return [str(each["resource_arn_format"]) for each in data[need.service]]


def test_every_action_is_known() -> None:
    for _, need, action in EVERY:
        known(need, action)


def overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""

    @cache
    def fits(left: int, right: int) -> bool:
        if left == len(one) and right == len(other):
            return True
        if left < len(one) and one[left] == "*":
            return fits(left + 1, right) or (right < len(other) and fits(left, right + 1))
        if right < len(other) and other[right] == "*":
            return fits(left, right + 1) or (left < len(one) and fits(left + 1, right))
        return left < len(one) and right < len(other) and one[left] == other[right] and fits(left + 1, right + 1)

    return fits(0, 0)


@pytest.mark.parametrize(
    ("one", "other", "both"), [("a*c", "*bc", True), ("ab", "a*", True), ("a*", "b*", False), ("ab", "abc", False)]
)
def test_overlap(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) is both


def test_every_action_takes_the_resources_beside_it() -> None:
    wrong = []
    for kind, need, action in EVERY:
        # The reference lists the HTTP APIs of this service only; the program makes a REST API.
        if need.service == "apigateway":
            continue
        formats = [re.sub(r"\$\{[^}]*\}", "*", each) for each in known(need, action)]
        wanted = [f"arn:aws:{resource}".replace("{prefix}", PREFIX) for resource in need.resources]
        # Beside other resources the action would never be allowed; beside none it must know none, or a condition.
        taken = (
            any(overlap(each, one) for each in formats if each != "*" for one in wanted)
            if wanted
            else "*" in formats or bool(need.condition)
        )
        if not taken:
            wrong.append(f"{kind}: {need.service}:{action} takes {formats}")
    assert not wrong


def statements() -> list[dict[str, Any]]:
    return [statement for page in documents(PREFIX) for statement in page["Statement"]]


def test_documents_fit_into_managed_policies() -> None:
    sizes = [size(page) for page in documents(PREFIX)]
    assert max(sizes) <= LONGEST
    # A role takes ten managed policies.
    assert len(sizes) <= 10


def test_roles_are_handed_to_named_services_and_get_named_policies_only() -> None:
    for statement in statements():
        actions = set(statement["Action"])
        assert not any("*" in action for action in actions)
        if "iam:PassRole" in actions:
            assert actions == {"iam:PassRole"}
            assert "iam:PassedToService" in json.dumps(statement["Condition"])
        if "iam:AttachRolePolicy" in actions:
            assert "iam:PolicyARN" in json.dumps(statement["Condition"])
        if "iam:CreateServiceLinkedRole" in actions:
            assert "iam:AWSServiceName" in json.dumps(statement["Condition"])


def test_written_roles_are_the_stacks_own() -> None:
    for statement in statements():
        if "iam:PutRolePolicy" in statement["Action"]:
            own = {
                f"arn:aws:iam::*:role/{PREFIX}*",
                *(f"arn:aws:iam::*:role/dms-{each}-role" for each in ("vpc", "cloudwatch-logs")),
            }
            assert set(statement["Resource"]) == own


def test_written_files_are_up_to_date() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == pages(PREFIX)
    assert main(["--check"]) == 0
    assert main(["--check", "--prefix", "shop-"]) == 1
