"""What the cloud knows about one resource type, and the values it works with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from twin.cloud.context import Context

Inputs = Mapping[str, Any]
Coverage = Literal["real", "kept", "recorded"]


class Unknown:
    """A value that a preview cannot know: an output of a resource that does not exist yet."""

    def __repr__(self) -> str:
        return "<not known yet>"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Problem:
    """Something that AWS would refuse.

    Args:
        path: the property, such as `scalingConfig.maximumConcurrency`; empty for the resource as a whole.
        text: the sentence; it names the property where there is one.
    """

    path: str
    text: str


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
        inputs: inputs in camelCase; a name that the program left out is filled in. Resolved, except in a check.
        seed: text that differs between any two resources of any two stacks.
    """

    typ: str
    name: str
    inputs: Inputs
    seed: str

    def hex(self, length: int) -> str:
        """Give hexadecimal digits that are the same whenever this resource is asked for (at most 64)."""
        return hashlib.sha256(self.seed.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class Resource:
    """A resource that was made, as the state keeps it.

    Args:
        typ: resource type.
        name: its name in the program.
        key: what tells it from all others of the stack: its URN, or its name. While a resource is replaced, the
            old one and the new one share it.
        id: the provider's id.
        inputs: what it was last asked to be.
        outputs: what the provider reported.
        seed: the seed of the request that made it.
        reasons: why it is not complete; empty for a resource that is.
    """

    typ: str
    name: str
    key: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    seed: str = ""
    reasons: list[str] = field(default_factory=list)


def nothing(at: Context, resource: Resource) -> None:
    """Delete what leaves nothing behind."""


def always(at: Context, resource: Resource) -> bool:
    """Exist for as long as the state says so."""
    return True


def fine(request: Request) -> Iterator[Problem]:
    """Find no fault."""
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type.

    Args:
        typ: resource type.
        create: makes it, or takes over what an earlier, interrupted attempt made.
        update: changes it in place; None means that each change replaces it.
        delete: removes it; must be safe to repeat.
        exists: whether it is still there.
        read: gives the outputs that the local service has by now; None where nobody else changes it.
        check: finds what AWS would refuse in the inputs alone; a value may be `UNKNOWN`.
        revives: one that is no longer there is updated, not made anew: its process ended, its folder stayed.
        named_by: property that the provider fills in when the program leaves it out; None if there is none.
        name_limit: longest name in characters.
        identity: properties that no two resources may share; None for `named_by` alone.
        replace_on: properties whose change replaces it here, beside those in `twin.cloud.replacing`.
        volatile: outputs that a change may change, and that a preview of it does not know.
        secret_outputs: outputs that are secret whatever the inputs were.
        coverage: `real` (does its work here), `kept` (read by others, such as an endpoint), `recorded`.
        differs: sentence on what it does not do as on AWS; empty if nothing is known.
    """

    typ: str
    create: Callable[[Context, Request], Made]
    update: Callable[[Context, Resource, Request], Made] | None = None
    delete: Callable[[Context, Resource], None] = nothing
    exists: Callable[[Context, Resource], bool] = always
    read: Callable[[Context, Resource], dict[str, Any]] | None = None
    check: Callable[[Request], Iterator[Problem]] = fine
    revives: bool = False
    named_by: str | None = None
    name_limit: int = 255
    identity: frozenset[str] | None = None
    replace_on: frozenset[str] = field(default_factory=frozenset)
    volatile: frozenset[str] = field(default_factory=frozenset)
    secret_outputs: frozenset[str] = field(default_factory=frozenset)
    coverage: Coverage = "real"
    differs: str = ""


def outputs(at: Context, inputs: Inputs, **computed: Any) -> dict[str, Any]:
    """Give what the provider reports for every resource: the inputs, all tags, the region, and what is computed."""
    return {**inputs, "tagsAll": tags(inputs), "region": at.region, **computed}


def tags(inputs: Inputs) -> dict[str, str]:
    """Give a resource's tags, those of its provider included."""
    given = inputs.get("tagsAll")
    return {str(key): str(value) for key, value in ((inputs.get("tags") if given is None else given) or {}).items()}
