"""JSON documents that pass through unchanged: decoded for matching and rendering, encoded without losing a digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_encode_fast = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_encode_string = json.encoder.encode_basestring


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode


def decode(text: str) -> Any:
    """Decode JSON text; fractions become Decimal, so that none of their digits is lost.

    Raises:
        ValueError: it is not JSON (NaN and Infinity are not).
    """
    try:
        return _decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_container(text: str) -> Any | None:
    """Decode JSON text that is an object or an array; None for anything else, JSON or not."""
    start = text.lstrip(" \t\r\n")[:1]
    if start not in ("{", "["):
        return None
    try:
        return decode(text)
    except ValueError:
        return None


def encode(value: Any) -> str:
    """Encode a value that `decode` made, in the shortest form."""
    try:
        return _encode_fast(value)
    except TypeError:
        return _encode_exact(value)


def _encode_exact(value: Any) -> str:
    # The C encoder knows no Decimal; documents with fractions take this way.
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encode_string(key)}:{_encode_exact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_encode_exact(item) for item in value) + "]"
    return _encode_fast(value)


def encode_string_content(text: str) -> str:
    """Encode a text as the content of a JSON string, without the quotes around it."""
    return _encode_string(text)[1:-1]
