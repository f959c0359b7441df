"""Resources of one stack, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from policy.errors import NotFoundError
from policy.unknown import Unknown


@dataclass(frozen=True)
class Resource:
    """One resource as the engine sees it.

    Attributes:
        parent: URN; that of the stack, or empty, for one that hangs below no component.
        inputs: what the program gives, in camelCase, without what is None; unknown values are `Unknown`.
        id: empty if it is not known.
        outputs: what the provider gives back; in a preview little more than the inputs.
        depends_on: URNs of what must be there first, by its options and by its inputs.
        uses: URNs of what an input is made from, by input.
        options: `protect`, `deleteBeforeReplace`, `provider` (a URN, with more after it), `secretOutputs`.
    """

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    id: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def is_a(self, *types: str) -> bool:
        """Whether it is of one of these types.

        Args:
            types: such as `aws:sqs/queue:Queue`, `sqs/queue:Queue`, or, for what is no component, `Queue`.
        """
        names = {self.type, self.type.removeprefix("aws:")}
        if "/" in self.type:  # a component may be called as what it holds
            names.add(self.type.rpartition(":")[2])
        return not names.isdisjoint(types)

    def given(self, name: str) -> bool:
        """Whether the program gives this input, be its value known or not."""
        return self.inputs.get(name) is not None

    def at(self, *path: str) -> Any:
        """The input at a path of names; None where the path ends early.

        Raises:
            UnknownValueError: a value on the way, or the last one, is unknown.
        """
        place: Any = self.inputs
        for name in path:
            if isinstance(place, list) and len(place) == 1:
                place = place[0]  # the provider lists some single structures
            if not isinstance(place, dict | Unknown):
                return None
            place = place.get(name) if isinstance(place, dict) else place[name]
        if isinstance(place, Unknown):
            bool(place)
        return place


@dataclass
class Graph:
    """All resources of one stack, with the invokes and the outputs of the program where they are known."""

    resources: list[Resource] = field(default_factory=list)
    invokes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)

    def of(self, *types: str) -> list[Resource]:
        """Resources of these types, as `Resource.is_a` takes them."""
        return [found for found in self.resources if found.is_a(*types)]

    def one(self, kind: str, name: str | None = None) -> Resource:
        """The only resource of a type (and name).

        Raises:
            NotFoundError: there is none, or more than one.
        """
        found = [each for each in self.of(kind) if name is None or each.name == name]
        if len(found) != 1:
            raise NotFoundError(
                f"There is not one {kind} {name or ''} but {len(found)}: {[one.name for one in found]}."
            )
        return found[0]

    def copy(self) -> Graph:
        """A graph whose resources can be changed without changing this one's."""
        return Graph([replace(found, inputs=_copied(found.inputs)) for found in self.resources])

    def behind(self, resource: Resource, name: str, *types: str) -> list[Resource]:
        """Resources of these types that an input is made from, whether or not its value is known."""
        urns = resource.uses.get(name, frozenset())
        return [found for found in self.of(*types) if found.urn in urns]

    def users(self, used: Resource, name: str, *types: str) -> Iterator[Resource]:
        """Resources of these types whose input `name` is made from this resource."""
        return (found for found in self.of(*types) if used.urn in found.uses.get(name, frozenset()))

    def reaches(self, start: Resource, goal: Resource) -> bool:
        """Whether `start` is created after `goal`, and so destroyed before it, directly or through others."""
        depends = {each.urn: each.depends_on for each in self.resources}
        seen: set[str] = set()
        todo = [start.urn]
        while todo:
            urn = todo.pop()
            if urn == goal.urn:
                return True
            if urn not in seen:
                seen.add(urn)
                todo += depends.get(urn, ())
        return False


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
