"""JSON documents that pass through unchanged: decoded for matching and rendering, encoded without losing a digit."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

_encode_fast = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_encode_string = json.encoder.encode_basestring


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise ValueError("an exponent beyond all bounds") from None


_decode = json.JSONDecoder(parse_float=_decimal, parse_constant=_refuse_constant).decode


def decode(text: str) -> Any:
    """Decode JSON text; fractions become Decimal, so that none of their digits is lost.

    Raises:
        ValueError: it is not JSON (NaN and Infinity are not), or has a number or a depth that nobody can hold.
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
    except (TypeError, RecursionError):
        return _encode_exact(value)


def _encode_exact(value: Any) -> str:
    # The C encoder knows no Decimal; documents with fractions take this way. Without recursion, as what could be
    # decoded may be nested more deeply than functions may call each other.
    parts: list[str] = []
    # What is still to be written, the next one last: values, and texts that stand between them.
    todo: list[tuple[Any, str | None]] = [(value, None)]
    while todo:
        item, text = todo.pop()
        if text is not None:
            parts.append(text)
        elif isinstance(item, dict):
            members = [(_encode_string(key) + ":", member) for key, member in item.items()]
            _put(todo, "{", members, "}")
        elif isinstance(item, list):
            _put(todo, "[", [("", element) for element in item], "]")
        else:
            parts.append(str(item) if isinstance(item, Decimal) else _encode_fast(item))
    return "".join(parts)


def _put(todo: list[tuple[Any, str | None]], opening: str, members: list[tuple[str, Any]], closing: str) -> None:
    todo.append((None, closing))
    for place in range(len(members) - 1, -1, -1):
        before, member = members[place]
        todo += [(member, None), (None, before if place == 0 else "," + before)]
    todo.append((None, opening))


def encode_string_content(text: str) -> str:
    """Encode a text as the content of a JSON string, without the quotes around it."""
    return _encode_string(text)[1:-1]
