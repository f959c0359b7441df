"""What a rule is, and what it finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policy.errors import DocumentError, UnknownValueError
from policy.graph import Graph, Resource

Check = Callable[[Graph, Resource], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """What a rule says of one resource.

    Attributes:
        problem: follows the resource's name in a sentence.
        certain: False if the rule could not be told, as a value is not known before the deployment.
    """

    rule: Rule
    resource: Resource
    problem: str
    certain: bool = True

    def __str__(self) -> str:
        kind = self.resource.type.rpartition(":")[2]
        return f"{kind} {self.resource.name} {self.problem}. {self.rule.remedy if self.certain else ''}".rstrip()


@dataclass(frozen=True)
class Rule:
    """One rule: a function from a graph and one of its resources to what is wrong with that resource.

    Attributes:
        kinds: types of the resources that it looks at, as `Resource.is_a` takes them; empty for all.
        remedy: what to do about a breach, one sentence.
        local: whether it holds for the stack on a developer's machine too, whose servers have no TLS.
    """

    check: Check
    kinds: tuple[str, ...]
    remedy: str
    local: bool = True

    @property
    def name(self) -> str:
        """Name with dashes, as a policy pack wants it."""
        return self.check.__name__.replace("_", "-")

    @property
    def summary(self) -> str:
        """What it asks for, one sentence."""
        return _paragraphs(self.check)[0]

    @property
    def source(self) -> str:
        """Where AWS says so; empty where it is this project's own wish."""
        return next(
            (part.removeprefix("Source: ") for part in _paragraphs(self.check) if part.startswith("Source: ")), ""
        )

    def findings(self, graph: Graph) -> list[Finding]:
        """Run the rule over a graph; what it cannot make sense of is a breach."""
        found: list[Finding] = []
        for resource in graph.of(*self.kinds) if self.kinds else graph.resources:
            try:
                for problem in self.check(graph, resource):
                    found.append(Finding(self, resource, problem))
            except UnknownValueError as error:
                found.append(Finding(self, resource, f"cannot be told: {error}", certain=False))
            except DocumentError as error:
                found.append(Finding(self, resource, f"cannot be judged: {error}"))
            except KeyError as error:
                found.append(Finding(self, resource, f"cannot be judged without {error}"))
        return found

    def breaches(self, graph: Graph) -> list[Finding]:
        """What certainly breaks the rule."""
        return [finding for finding in self.findings(graph) if finding.certain]

    def undecided(self, graph: Graph) -> list[Finding]:
        """What cannot be told before the deployment."""
        return [finding for finding in self.findings(graph) if not finding.certain]


def rule(*kinds: str, do: str, local: bool = True) -> Callable[[Check], Rule]:
    """Make a rule of a function whose docstring says what it asks for.

    Args:
        kinds: types of the resources that it looks at; none for all.
        do: what to do about a breach, one sentence.
        local: whether it holds on a developer's machine too.
    """
    return lambda check: Rule(check, kinds, do, local)


def _paragraphs(check: Check) -> list[str]:
    text = inspect.getdoc(check) or check.__name__
    return [" ".join(part.split()) for part in text.split("\n\n")]
