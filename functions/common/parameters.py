"""Parameters in paths and queries: whole numbers within bounds, or a 400 problem."""

from __future__ import annotations

from functions.common.gateway import Request
from functions.common.problems import FieldError, Problem

MAX_BIGINT = 2**63 - 1


def path_id(request: Request, name: str) -> int:
    """The id in the path, from 1 to 2^63-1; raises Problem 400."""
    return _number(request.path_parameters.get(name, ""), name, 1)


def min_version(request: Request) -> int | None:
    """The query parameter `min_version`, from 0 to 2^63-1, None if absent; raises Problem 400."""
    text = request.query.get("min_version")
    return None if text is None else _number(text, "min_version", 0)


def _number(text: str, name: str, least: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= MAX_BIGINT:
        return int(text)
    detail = f"{name} must be a whole number from {least} to {MAX_BIGINT}."
    raise Problem(400, "invalid-parameter", "Invalid parameter", detail, [FieldError((name,), detail)])
