"""The program obeys the rules, and each rule finds the breaches that it is there for."""

from __future__ import annotations

import pytest

from policy import permissions
from policy.rule import Rule
from policy.rules import LOCAL, RULES
from tests.infra.breaches_flow import FLOW
from tests.infra.breaches_network import NETWORK
from tests.infra.breaches_security import SECURITY
from tests.infra.breaks import Break, change, document
from tests.infra.graph import Graph, program


@pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_stacks_on_aws_obey(stack: str, rule: Rule, preview: bool) -> None:
    assert [str(found) for found in rule.breaches(program(stack, preview=preview))] == []


@pytest.mark.parametrize("rule", LOCAL, ids=lambda rule: rule.name)
def test_local_stack_obeys(rule: Rule) -> None:
    assert [str(found) for found in rule.breaches(program("local"))] == []


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_everything_can_be_told_once_it_is_there(stack: str) -> None:
    assert [str(found) for rule in RULES for found in rule.undecided(program(stack))] == []


BREAKS = [*NETWORK, *SECURITY, *FLOW]


@pytest.mark.parametrize(("rule", "breach"), BREAKS, ids=lambda each: each.name if isinstance(each, Rule) else "")
def test_rule_finds_a_breach(rule: Rule, breach: Break) -> None:
    graph = program("dev").copy()
    breach(graph)
    found = rule.breaches(graph)
    assert found
    assert all(each.resource.name in str(each) and rule.remedy in str(each) for each in found)


@pytest.mark.parametrize(
    ("breach", "said"),
    [
        (
            change("RolePolicy", "place-order-policy", policy="allow all"),
            "cannot be judged: This is no policy document",
        ),
        (
            document("RolePolicy", "place-order-policy", lambda found: found[0].update(NotAction="sqs:*")),
            "A statement has NotAction",
        ),
        (change("RolePolicy", "place-order-policy", policy=None), "cannot be judged without 'policy'"),
    ],
)
def test_what_no_rule_understands_is_a_breach(breach: Break, said: str) -> None:
    graph = program("dev").copy()
    breach(graph)
    [found] = permissions.roles_have_no_wildcards.breaches(graph)
    assert said in str(found)


def test_every_rule_is_proven() -> None:
    assert {rule.name for rule, _ in BREAKS} == {rule.name for rule in RULES}


def test_names_of_rules_are_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_says_what_it_asks_for_and_what_to_do(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert rule.remedy
    assert not rule.remedy.endswith(".")


def test_rule_speaks_of_nothing_that_is_not_there() -> None:
    assert [found for rule in RULES for found in rule.findings(Graph())] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_looks_at_something_in_the_program(rule: Rule) -> None:
    """A type that is mistyped in a rule would make it pass for ever."""
    for kind in rule.kinds:
        # What must not be there at all, or is not yet.
        if kind not in ABSENT:
            assert any(program(stack).of(kind) for stack in ("dev", "prod", "local")), kind


ABSENT = {
    *("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Eip", "VpcPeeringConnection"),
    *("Route", "RouteTable", "ec2/securityGroupRule:SecurityGroupRule", "iam/policy:Policy", "SecretPolicy"),
    *("kinesis/resourcePolicy:ResourcePolicy", "CompositeAlarm", "scheduler/schedule:Schedule"),
}
