"""Ways to break a graph: each gives a function that does it to the graph of the real program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from policy.graph import Graph, Resource

Break = Callable[[Graph], None]


def find(graph: Graph, kind: str, name: str | None) -> Resource:
    """A resource by type and name, or the first of its type."""
    return graph.one(kind, name) if name else graph.of(kind)[0]


@dataclass(frozen=True)
class Change:
    """Gives one resource other inputs, made from nothing else; None takes an input away."""

    kind: str
    name: str | None
    inputs: dict[str, Any]

    def __call__(self, graph: Graph) -> None:
        found = find(graph, self.kind, self.name)
        uses = {key: urns for key, urns in found.uses.items() if key not in self.inputs}
        values = {key: value for key, value in {**found.inputs, **self.inputs}.items() if value is not None}
        _put(graph, found, inputs=values, uses=uses)


def change(kind: str, name: str | None = None, /, **inputs: Any) -> Change:
    """Give one resource other inputs; None takes an input away."""
    return Change(kind, name, inputs)


def nested(kind: str, name: str | None, path: str, value: Any) -> Break:
    """Change a value deep in one resource's inputs; None takes it away."""

    def apply(graph: Graph) -> None:
        place: Any = find(graph, kind, name).inputs
        *way, last = path.split(".")
        for key in way:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return apply


def document(kind: str, name: str | None, edit: Callable[[list[dict[str, Any]]], Any], key: str = "policy") -> Break:
    """Edit the statements of a policy document in one resource's inputs."""

    def apply(graph: Graph) -> None:
        found = find(graph, kind, name)
        content = json.loads(found.inputs[key])
        edit(content["Statement"])
        found.inputs[key] = json.dumps(content)

    return apply


def allow(actions: list[str], resource: str = "*", **more: Any) -> Callable[[list[dict[str, Any]]], Any]:
    """An edit that adds a statement which allows actions."""
    return lambda statements: statements.append({"Effect": "Allow", **more, "Action": actions, "Resource": resource})


def without(effect: str) -> Callable[[list[dict[str, Any]]], Any]:
    """An edit that takes away the statements of one effect."""

    def edit(statements: list[dict[str, Any]]) -> None:
        statements[:] = [one for one in statements if one["Effect"] != effect]

    return edit


def remove(kind: str, name: str | None = None) -> Break:
    """Take resources away: one, or all of a type."""

    def apply(graph: Graph) -> None:
        for found in [graph.one(kind, name)] if name else graph.of(kind):
            graph.resources.remove(found)

    return apply


def add(kind: str, uses: dict[str, tuple[str, str]] | None = None, /, **inputs: Any) -> Break:
    """Add a resource below the network, with inputs that are made from others: input by (type, name)."""

    def apply(graph: Graph) -> None:
        used = {key: frozenset([graph.one(*other).urn]) for key, other in (uses or {}).items()}
        given = {**dict.fromkeys(used, "made"), **inputs}
        parent = graph.one("orders:network:Network").urn
        graph.resources.append(Resource(f"urn::{kind}", kind, "added", parent, given, uses=used))

    return apply


def unlink(kind: str, name: str | None = None, *, of: str = "") -> Break:
    """Take away what one resource waits for: all of it, or what has a part in its name."""

    def apply(graph: Graph) -> None:
        found = find(graph, kind, name)
        kept = frozenset(urn for urn in found.depends_on if of and of not in urn)
        _put(graph, found, depends_on=kept)

    return apply


def adrift(kind: str) -> Break:
    """Hang one resource below no component, with no provider of the program's."""
    return lambda graph: _put(graph, graph.of(kind)[0], parent="", options={})


def share(kind: str, one: str, other: str, key: str) -> Break:
    """Make an input of one resource from what another's is made from."""

    def apply(graph: Graph) -> None:
        found, same = graph.one(kind, one), graph.one(kind, other)
        _put(graph, found, uses={**found.uses, key: same.uses[key]})

    return apply


def _put(graph: Graph, found: Resource, **changes: Any) -> None:
    graph.resources[graph.resources.index(found)] = replace(found, **changes)
