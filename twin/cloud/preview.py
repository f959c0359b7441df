"""What is known of a resource before it is made or changed, and what it was before."""

from __future__ import annotations

from typing import Any

from twin.cloud.difference import difference
from twin.cloud.kind import UNKNOWN, Inputs
from twin.cloud.registry import kind_of


def created(inputs: Inputs) -> dict[str, Any]:
    """Give the outputs of a resource that does not exist yet: its inputs; all else is unknown."""
    return dict(inputs)


def updated(token: str, old_inputs: Inputs, new_inputs: Inputs, outputs: Inputs) -> dict[str, Any]:
    """Give the outputs that a change in place will leave: what it cannot change stays known."""
    kind = kind_of(token)
    kept = {prop: value for prop, value in outputs.items() if prop in new_inputs or prop not in old_inputs}
    volatile = kind.volatile if difference(kind, old_inputs, new_inputs).changed else frozenset()
    return {**kept, **{prop: UNKNOWN for prop in volatile if prop in kept}, **new_inputs}


def before(token: str, inputs: Inputs, new_inputs: Inputs, outputs: Inputs) -> dict[str, Any]:
    """Give old inputs, with what the provider fills in where they are older than that, or were imported."""
    named_by = kind_of(token).named_by
    filled = ("region", "tagsAll", *((named_by,) if named_by else ()))
    return {**{prop: outputs[prop] for prop in filled if prop in outputs and prop in new_inputs}, **inputs}
