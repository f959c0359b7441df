"""Names that the provider invents when the program gives none.

Pulumi appends seven random hexadecimal digits to the resource's name in the
program ("Names", Pulumi documentation on resources). Here the digits follow from stack and
resource, so that a second run finds what the first one made.
"""

from __future__ import annotations

import re

from twin.cloud.errors import InputError
from twin.cloud.kind import Kind, Request

RANDOM_DIGITS = 7


def auto_name(request: Request, limit: int) -> str:
    """Name a resource after its name in the program.

    Raises:
        InputError: the name would be longer than AWS allows.
    """
    name = f"{request.name}-{request.hex(RANDOM_DIGITS)}"
    if request.inputs.get("fifoQueue") or request.inputs.get("fifoTopic"):
        name += ".fifo"
    if len(name) > limit:
        raise InputError(
            f"{request.typ} {request.name!r}: its automatic name {name!r} has {len(name)} characters, AWS allows "
            f"{limit}. Give it a shorter name in the program, or a name of its own."
        )
    return name


def with_name(kind: Kind, request: Request) -> Request:
    """Fill in the name where the program left it out."""
    named_by = kind.named_by
    if named_by is None or request.inputs.get(named_by):
        return request
    prefix = request.inputs.get(f"{named_by}Prefix")
    name = f"{prefix}{request.hex(26)}" if prefix else auto_name(request, kind.name_limit)
    return Request(request.typ, request.name, {**request.inputs, named_by: name}, request.seed)


def lower_name(text: str) -> str:
    """Make a text fit for names of which AWS allows lower-case letters, digits and single hyphens only."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
