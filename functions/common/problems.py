"""Problem documents (RFC 9457): every answer of the HTTP API other than success.

::

    {"type": "urn:orders:problem:invalid-order", "title": "...", "status": 422, "detail": "...",
     "instance": "/prod/orders#<request id>",
     "errors": [{"field": "products[0].quantity", "pointer": "#/products/0/quantity", "detail": "..."}]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from functions.common.errors import FunctionError

URN = "urn:orders:problem:"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a body: its path (names and positions) and a sentence."""

    path: tuple[str | int, ...]
    detail: str

    def document(self) -> dict[str, str]:
        """The error as a member of a problem's `errors`; `pointer` is a JSON pointer (RFC 6901) in a fragment."""
        name = ""
        for part in self.path:
            name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
        steps = (
            quote(str(part).replace("~", "~0").replace("/", "~1"), safe="", errors="replace") for part in self.path
        )
        return {"field": name, "pointer": "#" + "".join(f"/{step}" for step in steps), "detail": self.detail}


@dataclass(eq=False)  # not frozen: Python writes to an exception that is raised
class Problem(FunctionError):  # noqa: N818 - RFC 9457's own word
    """An answer with an error status. `kind` ends the type's URN; `title` is the same for all of a kind."""

    status: int
    kind: str
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, Any]:
        """The problem as a JSON object; `instance` is a URI reference to this one occurrence."""
        document: dict[str, Any] = {
            "type": URN + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [error.document() for error in self.errors]
        return document


def unknown_client(id_client: int) -> Problem:
    """404: no client has the id."""
    return Problem(404, "unknown-client", "Unknown client", f"There is no client {id_client}.")


def internal_error() -> Problem:
    """500: a fault of this program; the log has the rest."""
    return Problem(500, "internal-error", "Internal error", "The request could not be completed.")


def unavailable(detail: str) -> Problem:
    """503: nothing is wrong with the request, the same may succeed a second later."""
    return Problem(503, "unavailable", "Temporarily unavailable", detail, headers={"Retry-After": "1"})
