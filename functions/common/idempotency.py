"""Under what a command's answer is recorded, so that a repetition gets it again.

A key belongs to its caller and to one operation. What was answered is recorded in the transaction that carries the
command out (migrations/0003_place_order.sql, 0006_administration.sql), so it is there if, and only if, that was done.
"""

from __future__ import annotations

import hashlib
import json
import uuid

_encode = json.JSONEncoder(separators=(",", ":")).encode


def record_key(key: str | None, *scope: str) -> str:
    """64 hex digits of scope and key, or a new name that no caller can have.

    Also a call without a key has one, made for this call: so a repetition after a lost answer is a look-up.
    """
    return f"call-{uuid.uuid4().hex}" if key is None else digest([*scope, key])


def digest(value: object) -> str:
    """SHA-256 of a value's JSON, as 64 hex digits."""
    return hashlib.sha256(_encode(value).encode()).hexdigest()
