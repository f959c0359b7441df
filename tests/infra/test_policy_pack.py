"""The rules as a policy pack: it hears what the engine says, and answers as the rules do."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import yaml

from infra.packaging.source import imports
from policy import pack as rules_pack
from policy.rules import RULES
from tests.infra.breaks import change, unlink
from tests.infra.engine import Pack, pack
from tests.infra.graph import ROOT, program


@pytest.fixture(scope="module")
def running() -> Iterator[Pack]:
    with pack() as found:
        yield found


def test_pack_has_every_rule_with_a_text_and_a_remedy(running: Pack) -> None:
    info = running.info()
    stated = {one.name: one for one in info.policies}
    assert set(stated) == {rule.name for rule in RULES} | {rules_pack.COLLECTS, rules_pack.UNDECIDED}
    for rule in RULES:
        assert stated[rule.name].description == rule.summary
        assert stated[rule.name].remediation_steps == rule.remedy
    assert info.name == rules_pack.NAME


def test_project_file_of_the_pack_uses_the_environment_of_the_project() -> None:
    content = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())
    assert content["runtime"]["options"]["virtualenv"] == "../.venv"


def test_pack_needs_nothing_but_the_policy_sdk() -> None:
    files = (ROOT / "policy").glob("*.py")
    packages = {name.partition(".")[0] for path in files for name in imports(path)}
    assert packages - set(sys.stdlib_module_names) == {"policy", "pulumi_policy"}


@pytest.mark.parametrize("preview", [True, False])
def test_program_passes(running: Pack, preview: bool) -> None:
    graph = program("dev", preview=preview)
    said = running.analyze(graph)
    assert [each for each in said if each.mandatory] == []
    undecided = rules_pack.summary([each for rule in RULES for each in rule.undecided(graph)])
    # Said once, word for word as the rules find it in the graph of the mocks: the adapter loses nothing.
    assert [each.message.partition("\n")[2] for each in said] == ([undecided] if preview else [])


def test_breach_is_mandatory_and_names_resource_and_remedy(running: Pack) -> None:
    graph = program("dev").copy()
    change("Queue", "pipe-undelivered", sqsManagedSseEnabled=False)(graph)
    [said] = running.analyze(graph)
    assert (said.rule, said.mandatory) == ("data-are-encrypted", True)
    assert said.urn == graph.one("Queue", "pipe-undelivered").urn
    assert "pipe-undelivered" in said.message
    assert "Turn its encryption on" in said.message


def test_breach_is_found_before_anything_is_made(running: Pack) -> None:
    graph = program("dev", preview=True).copy()
    unlink("ReplicationTask")(graph)
    assert {"order-is-kept"} <= {each.rule for each in running.analyze(graph) if each.mandatory}


def test_what_the_program_says_counts_and_not_what_aws_adds(running: Pack) -> None:
    graph = program("dev").copy()
    # A group's own rules come back as its output, whoever made them.
    group = graph.one("SecurityGroup", "database-group")
    graph.resources[graph.resources.index(group)] = type(group)(
        **{**vars(group), "outputs": {**group.outputs, "ingress": [{"fromPort": 5432}]}}
    )
    assert running.analyze(graph) == []
