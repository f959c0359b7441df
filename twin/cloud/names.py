"""Names that the provider invents when the program gives none.

Pulumi appends seven random hexadecimal digits to the resource's name in the
program ("Names", Pulumi documentation on resources). In process the digits follow from
stack and resource, so that a second run finds what the first one made; the
engine gives a seed of its own and keeps the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from twin.cloud.errors import InputError
from twin.cloud.kind import Kind, Request

RANDOM_DIGITS = 7


@dataclass(frozen=True)
class Naming:
    """The stack's rule for automatic names ("Autonaming configuration", Pulumi documentation).

    Args:
        proposed: the name that the engine proposes.
        mode: take it if it fits (`propose`), take it as it is (`enforce`), or demand a name (`disable`).
    """

    proposed: str
    mode: Literal["propose", "enforce", "disable"]


def auto_name(request: Request, limit: int, naming: Naming | None = None) -> str:
    """Name a resource after its name in the program.

    Raises:
        InputError: the name would be longer than AWS allows, or the stack wants no automatic names.
    """
    what = f"{request.typ} {request.name!r}"
    if naming is not None and naming.mode == "disable":
        raise InputError(f"{what}: the stack turns automatic names off, so give it a name.")
    name = naming.proposed if naming is not None else f"{request.name}-{request.hex(RANDOM_DIGITS)}"
    fifo = bool(request.inputs.get("fifoQueue") or request.inputs.get("fifoTopic"))
    if fifo and not name.endswith(".fifo") and (naming is None or naming.mode == "propose"):
        name += ".fifo"
    if len(name) > limit:
        raise InputError(
            f"{what}: its automatic name {name!r} has {len(name)} characters, AWS allows "
            f"{limit}. Give it a shorter name in the program, or a name of its own."
        )
    return name


def with_name(kind: Kind, request: Request, naming: Naming | None = None) -> Request:
    """Fill in the name where the program left it out."""
    named_by = kind.named_by
    if named_by is None or request.inputs.get(named_by):
        return request
    prefix = request.inputs.get(f"{named_by}Prefix")
    name = f"{prefix}{request.hex(26)}" if prefix else auto_name(request, kind.name_limit, naming)
    return Request(request.typ, request.name, {**request.inputs, named_by: name}, request.seed)


def lower_name(text: str) -> str:
    """Make a text fit for names of which AWS allows lower-case letters, digits and single hyphens only."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
