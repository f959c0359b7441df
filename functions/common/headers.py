"""Headers of commands: Idempotency-Key, and If-Match (RFC 9110, section 13.1.1)."""

from __future__ import annotations

import re

from functions.common.gateway import Request
from functions.common.parameters import MAX_BIGINT
from functions.common.problems import Problem

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
# Strong tags only: If-Match compares strongly. Whatever else stands in a tag is no version of ours.
_VERSION = re.compile(r'(?<!W/)"(0|[1-9][0-9]{0,18})"', re.ASCII)


def idempotency_key(request: Request) -> str | None:
    """The caller's key, None without the header; raises Problem 400 if it is malformed or sent twice."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    key = key.strip()
    if not _KEY.fullmatch(key) or "idempotency-key" in request.repeated_headers:
        detail = "Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters."
        raise Problem(400, "invalid-idempotency-key", "Invalid Idempotency-Key", detail)
    return key


def key_reused() -> Problem:
    """422: the Idempotency-Key came before with another body."""
    detail = "This Idempotency-Key came before with another request; use a new key for a new request."
    return Problem(422, "idempotency-key-reused", "Idempotency-Key reused", detail)


def expected_versions(request: Request) -> tuple[int, ...] | None:
    """The versions that If-Match names, perhaps none; None if any will do (no header, or "*").

    Raises Problem 400 if it is malformed or sent twice.
    """
    text = request.headers.get("if-match")
    if text is None:
        return None
    text = text.strip()
    if "if-match" in request.repeated_headers or not (text == "*" or _TAGS.fullmatch(text)):
        detail = 'If-Match must be sent once, with entity tags such as "7", or *.'
        raise Problem(400, "invalid-if-match", "Invalid If-Match", detail)
    if text == "*":
        return None
    return tuple(version for digits in _VERSION.findall(text) if (version := int(digits)) <= MAX_BIGINT)
