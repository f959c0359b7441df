"""Statements of policy documents, in whichever of their spellings ("IAM JSON policy elements reference")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from policy.errors import DocumentError
from policy.graph import Graph, Resource
from policy.unknown import Unknown, whole


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    Attributes:
        principals: by kind (`AWS`, `Service`, ...); kind `*` for anybody; empty in a policy of an identity.
        conditions: (operator, key, values), the key as it is written.
    """

    effect: str
    actions: Sequence[str]
    resources: Sequence[str]
    principals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conditions: Sequence[tuple[str, str, Sequence[str]]] = ()

    @property
    def allows(self) -> bool:
        """Whether it gives something."""
        return self.effect == "Allow"

    @property
    def open_to_anybody(self) -> bool:
        """Whether it speaks of every identity there is."""
        return "*" in self.principals or "*" in self.principals.get("AWS", ())

    def tests(self, *keys: str) -> bool:
        """Whether a condition on one of these keys must hold; `...IfExists` lets through what has no such key."""
        wanted = {key.lower() for key in keys}
        return any(
            key.lower() in wanted and values and not operator.endswith("IfExists") and operator != "Null"
            for operator, key, values in self.conditions
        )

    def takes(self, action: str) -> bool:
        """Whether it speaks of an action, such as `sqs:SendMessage`."""
        return any(matches(pattern, action) for pattern in self.actions)


def statements(text: Any) -> list[Statement]:
    """Read the statements of a policy document, given as text or as an object.

    Raises:
        DocumentError: it is not JSON, or has a part that no policy has (`NotAction` and its like are not taken).
        UnknownValueError: the document is unknown, or part of it.
    """
    try:
        document = whole(text if isinstance(text, dict | Unknown) else json.loads(text))
        found = document["Statement"]
        return [_statement(each) for each in (found if isinstance(found, list) else [found])]
    except (ValueError, TypeError, KeyError) as error:
        raise DocumentError(f"This is no policy document ({error!r}): {text!r}.") from error


@cache
def _pattern(wildcard: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", wildcard))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def matches(wildcard: str, text: str) -> bool:
    """Whether a text is one that a policy means by `wildcard`, where * and ? stand for others."""
    return _pattern(wildcard).fullmatch(text) is not None


def role_policies(graph: Graph, role: Resource) -> Iterator[Statement]:
    """What a role may do, and may not, by policies of the program."""
    for inline in role.at("inlinePolicies") or ():
        yield from statements(inline["policy"])
    for policy in graph.users(role, "role", "RolePolicy"):
        yield from statements(policy.inputs["policy"])
    for attachment in graph.users(role, "role", "RolePolicyAttachment"):
        for policy in graph.behind(attachment, "policyArn", "iam/policy:Policy"):
            yield from statements(policy.inputs["policy"])


def allowed(graph: Graph, role: Resource) -> set[str]:
    """Actions that a role may take on something."""
    return {action for statement in role_policies(graph, role) if statement.allows for action in statement.actions}


def _statement(found: Mapping[str, Any]) -> Statement:
    strange = set(found) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if strange:
        raise DocumentError(f"A statement has {', '.join(sorted(strange))}, which is not taken here: {found!r}.")
    principal = found.get("Principal", {})
    return Statement(
        effect=found["Effect"],
        actions=_listed(found["Action"]),
        resources=_listed(found.get("Resource", [])),
        principals={"*": ["*"]} if principal == "*" else {kind: _listed(who) for kind, who in principal.items()},
        conditions=[
            (operator, key, _listed(values))
            for operator, tests in found.get("Condition", {}).items()
            for key, values in tests.items()
        ],
    )


def _listed(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in found]
