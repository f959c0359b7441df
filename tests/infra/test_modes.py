"""Preview, where most values are unknown, and up: the same resources, and no rule that guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest import mock

import pulumi
import pulumi_random as random
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.errors import UnknownValueError
from policy.graph import Graph, Resource
from policy.rule import Rule
from policy.rules import RULES
from policy.unknown import Unknown, known, whole
from tests.infra.breaks import Change, find
from tests.infra.golden import FOLDER, STACKS, UNDECIDED, render_undecided
from tests.infra.graph import program, run
from tests.infra.test_rules import BREAKS


@pytest.mark.parametrize("stack", STACKS)
def test_preview_waits_for_what_up_waits_for(stack: str) -> None:
    def links(graph: Graph) -> dict[str, tuple[Any, ...]]:
        return {each.urn: (each.depends_on, dict(each.uses), set(each.inputs)) for each in graph.resources}

    assert links(program(stack, preview=True)) == links(program(stack))


_applying: ContextVar[bool] = ContextVar("applying", default=False)


@contextmanager
def refused_in_apply() -> Iterator[None]:
    """Make every resource an error that is made while the function of an `apply` runs."""
    apply, init = pulumi.Output.apply, pulumi.Resource.__init__

    def marked(self: Any, func: Callable[[Any], Any], *args: Any, **options: Any) -> Any:
        def run_marked(value: Any) -> Any:
            before = _applying.set(True)
            try:
                return func(value)
            finally:
                _applying.reset(before)

        return apply(self, run_marked, *args, **options)

    def checked(self: Any, kind: str, name: str, *args: Any, **options: Any) -> None:
        assert not _applying.get(), f"{kind} {name} is made in an apply: no preview shows it"
        init(self, kind, name, *args, **options)

    with (
        mock.patch.object(pulumi.Output, "apply", marked),
        mock.patch.object(pulumi.Resource, "__init__", checked),
    ):
        yield


@pytest.mark.parametrize("stack", STACKS)
def test_no_apply_makes_resources(stack: str) -> None:
    with refused_in_apply():
        assert len(run(stack=stack).resources) == len(program(stack).resources)


def test_a_resource_in_an_apply_is_found() -> None:
    def body() -> Any:
        one = random.RandomId("one", byte_length=1)
        pulumi.export("two", one.hex.apply(lambda _: random.RandomId("two", byte_length=1).hex))

    with refused_in_apply(), pytest.raises(AssertionError, match="RandomId two is made in an apply"):
        run(body)


def test_what_cannot_be_told_is_the_reviewed() -> None:
    assert render_undecided(program("dev", preview=True)) == (FOLDER / UNDECIDED).read_text(), (
        "Rules can tell more in a preview, or less: run `python -m tests.infra.golden` and review the difference."
    )


CHANGES = [(rule, breach) for rule, breach in BREAKS if isinstance(breach, Change)]


@pytest.mark.parametrize(("rule", "breach"), CHANGES, ids=lambda each: each.name if isinstance(each, Rule) else "")
def test_rule_does_not_pass_over_an_unknown_value(rule: Rule, breach: Change) -> None:
    """Where a wrong value would be found, an unknown one is not taken for a right one."""
    names = [name for name, value in breach.inputs.items() if value is not None]
    if not names:
        return
    graph = program("dev").copy()
    breach(graph)
    found = find(graph, breach.kind, breach.name)
    found.inputs.update({name: Unknown(name) for name in names})
    assert rule.findings(graph)


INPUTS = sorted({(each.type, name) for each in program("dev").resources for name in each.inputs})


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.just(INPUTS), st.lists(st.sampled_from(INPUTS), min_size=1, max_size=40)))
def test_no_rule_breaks_on_unknown_values(unknown: list[tuple[str, str]]) -> None:
    graph = program("dev").copy()
    for found in graph.resources:
        for kind, name in unknown:
            if found.type == kind and name in found.inputs:
                found.inputs[name] = Unknown(name)
    # The program keeps every rule, so what is not known of it breaks none.
    assert [str(breach) for rule in RULES for breach in rule.breaches(graph)] == []


def test_no_rule_breaks_on_unknown_parts() -> None:
    def hidden(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {key: hidden(part, f"{path}.{key}") for key, part in value.items()}
        if isinstance(value, list):
            return [hidden(part, f"{path}[{index}]") for index, part in enumerate(value)]
        return Unknown(path)

    graph = program("dev").copy()
    for found in graph.resources:
        found.inputs.update(hidden(found.inputs, found.name))
    assert [str(breach) for rule in RULES for breach in rule.breaches(graph)] == []


@pytest.mark.parametrize(
    "use",
    [
        bool, str, int, float, len, list, hash, known, lambda value: value == 1, lambda value: value < 1,
        lambda value: value[0], lambda value: "x" in value, lambda value: f"{value}",
        lambda value: value + 1, lambda value: 1 + value, lambda value: value * 2, lambda value: value in {1, 2},
        lambda value: whole([{"a": value}]), lambda value: {value: 1},
    ],
)  # fmt: skip
def test_unknown_value_raises_at_any_use(use: Callable[[Any], Any]) -> None:
    with pytest.raises(UnknownValueError, match=r"settings\.limit is not known") as caught:
        use(Unknown("settings.limit"))
    assert caught.value.path == "settings.limit"


def test_resource_says_where_an_input_is_unknown() -> None:
    found = Resource("urn", "aws:sqs/queue:Queue", "q", "", {"a": {"b": Unknown("a.b")}, "c": Unknown("c")})
    assert found.given("c")
    assert found.at("a", "x") is None
    for path in (("a", "b"), ("a", "b", "c"), ("c",), ("c", "d")):
        with pytest.raises(UnknownValueError):
            found.at(*path)
