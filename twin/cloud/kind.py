"""What the cloud knows about one resource type, and the values it works with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from twin.cloud.context import Context

Inputs = Mapping[str, Any]
Coverage = Literal["real", "kept", "recorded"]


@dataclass(frozen=True)
class Made:
    """A resource as the provider would report it: its id, and its outputs by camelCase property."""

    id: str
    outputs: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What the program asks for.

    Args:
        typ: resource type, such as `aws:sns/topic:Topic`.
        name: the resource's name in the program (not in AWS).
        inputs: resolved inputs in camelCase; a name that the program left out is filled in.
        seed: text that differs between any two resources of any two stacks.
    """

    typ: str
    name: str
    inputs: Inputs
    seed: str

    def hex(self, length: int) -> str:
        """Give hexadecimal digits that are the same in every run (at most 64)."""
        return hashlib.sha256(self.seed.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class Resource:
    """A resource that was made, as the state keeps it.

    `key` tells it from all others of the stack: its URN, or type and name.
    """

    typ: str
    name: str
    key: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def nothing(at: Context, resource: Resource) -> None:
    """Delete what leaves nothing behind."""


def always(at: Context, resource: Resource) -> bool:
    """Exist for as long as the state says so."""
    return True


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type.

    Args:
        typ: resource type.
        create: makes it, or takes over what an earlier, interrupted attempt made.
        update: changes it in place; None means that each change replaces it.
        delete: removes it; must be safe to repeat.
        exists: whether it is still there.
        revives: one that is no longer there is updated, not made anew: its process ended, its folder stayed.
        named_by: property that the provider fills in when the program leaves it out; None if there is none.
        name_limit: longest name in characters.
        replace_on: properties whose change replaces the resource.
        secret_outputs: outputs that are secret whatever the inputs were.
        coverage: `real` (does its work here), `kept` (read by others, such as an endpoint), `recorded`.
    """

    typ: str
    create: Callable[[Context, Request], Made]
    update: Callable[[Context, Resource, Request], Made] | None = None
    delete: Callable[[Context, Resource], None] = nothing
    exists: Callable[[Context, Resource], bool] = always
    revives: bool = False
    named_by: str | None = None
    name_limit: int = 255
    replace_on: frozenset[str] = field(default_factory=frozenset)
    secret_outputs: frozenset[str] = field(default_factory=frozenset)
    coverage: Coverage = "real"


def outputs(at: Context, inputs: Inputs, **computed: Any) -> dict[str, Any]:
    """Give what the provider reports for every resource: the inputs, all tags, the region, and what is computed."""
    return {**inputs, "tagsAll": dict(inputs.get("tags") or {}), "region": at.region, **computed}
