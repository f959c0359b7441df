"""Output of the plugin test_decoding, taken apart exactly. Pure.

test_decoding is what DMS itself uses here (plugin_name test-decoding). pgoutput is some 10 % faster
to read, but needs a publication, which only a table's owner may make, and the role of the task may
replicate and read the outbox, nothing else.

The text is unambiguous: identifiers that are not plain are in double quotes (doubled inside),
values are bare (numbers, true, null), bit strings B'101', or in single quotes (doubled inside, all
other characters as they are, also line ends). So a row is taken apart by possessive regular
expressions without any backtracking, in time linear to its length, whatever it holds.
Source: PostgreSQL documentation, "test_decoding"; contrib/test_decoding of PostgreSQL 16 to 18.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from twin.capture.errors import DecodeError

_NAME = r'(?:"(?:[^"]|"")*+"|[^\s"\[\]:.,]++)'
_TYPE = r'(?:[^\[\]"]|"(?:[^"]|"")*+"|\[\])++'
_QUOTED = r"'([^']*+(?:''[^']*+)*+)'"
_HEAD = re.compile(rf"table ({_NAME})\.({_NAME}): (INSERT|UPDATE|DELETE): ?")
_TRUNCATE = re.compile(rf"table {_NAME}\.{_NAME}(?:, {_NAME}\.{_NAME})*+: TRUNCATE: [^\n]*+\Z")
_COLUMN = re.compile(rf"({_NAME})\[({_TYPE})\]:(?:{_QUOTED}|B'([01]*+)'|([^\s']++))(?: |\Z)", re.DOTALL)
_COMMIT = re.compile(r"COMMIT (\d+) \(at ([^)]+)\)\Z")

NO_TUPLE: Final = "(no-tuple-data)"
_OLD_KEY: Final = "old-key: "
_NEW_TUPLE: Final = "new-tuple: "
_SHOWN: Final = 80


class Unchanged:
    """Stands for the value of a large column that an update did not touch: it is not in the log."""

    def __repr__(self) -> str:
        return "unchanged"


UNCHANGED: Final = Unchanged()
Value = str | None | Unchanged


@dataclass(frozen=True, slots=True)
class Row:
    """Columns in the order of the log: names, types as `format_type` names them, values as text."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row: `insert`, `update` or `delete`.

    `row` holds the columns after the change, for a delete the key before it (None when the log has
    none); `old_key` the former key of an update that changed it.
    """

    schema: str
    table: str
    operation: str
    row: Row | None
    old_key: Row | None = None


def decode_text(payload: bytes) -> str:
    """Read the bytes of a message as UTF-8.

    Raises:
        DecodeError: they are not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"The log holds text that is not UTF-8 ({error}): {payload[:_SHOWN]!r}.") from error


def parse_change(text: str) -> Change | None:
    """Take a message about a table apart; None for TRUNCATE, which DMS does not capture.

    Raises:
        DecodeError: the message does not follow the plugin's grammar.
    """
    head = _HEAD.match(text)
    if head is None:
        if _TRUNCATE.match(text):
            return None
        raise DecodeError(f"Not a message of test_decoding: {text[:_SHOWN]!r}.")
    schema, table = unquote(head[1]), unquote(head[2])
    operation = head[3].lower()
    at = head.end()
    if text.startswith(NO_TUPLE, at):
        _require_end(text, at + len(NO_TUPLE))
        return Change(schema, table, operation, None)
    old_key: Row | None = None
    if operation == "update" and text.startswith(_OLD_KEY, at):
        old_key, at = _columns(text, at + len(_OLD_KEY))
        if not text.startswith(_NEW_TUPLE, at):
            raise DecodeError(f"An update of {schema}.{table} has an old key but no new row: {text[:_SHOWN]!r}.")
        at += len(_NEW_TUPLE)
    row, at = _columns(text, at)
    _require_end(text, at)
    return Change(schema, table, operation, row, old_key)


def _columns(text: str, at: int) -> tuple[Row, int]:
    names: list[str] = []
    types: list[str] = []
    values: list[Value] = []
    while column := _COLUMN.match(text, at):
        name, type_, quoted, bits, bare = column.groups()
        names.append(unquote(name))
        types.append(type_)
        values.append(_value(quoted, bits, bare))
        at = column.end()
    return Row(tuple(names), tuple(types), tuple(values)), at


def _value(quoted: str | None, bits: str | None, bare: str) -> Value:
    if quoted is not None:
        return quoted.replace("''", "'")
    if bits is not None:
        return bits
    if bare == "null":
        return None
    return UNCHANGED if bare == "unchanged-toast-datum" else bare


def _require_end(text: str, at: int) -> None:
    if at < len(text):
        raise DecodeError(
            f"Cannot understand character {at} of a message of test_decoding: "
            f"{text[:_SHOWN]!r} ... {text[at : at + _SHOWN]!r}."
        )


def unquote(name: str) -> str:
    """Give the identifier itself for one as SQL writes it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def insert_pattern(table: str, columns: Sequence[tuple[str, str]]) -> re.Pattern[str]:
    """Compile the pattern of an insert of one known layout, for `fullmatch`: one group a column.

    A group is None for null. Text in single quotes comes with its quotes still doubled. A message that
    does not match is not wrong: the table may have been altered, which `parse_change` tells.

    Args:
        table: qualified name as SQL writes it.
        columns: (name as SQL writes it, type as the log names it), in order.
    """
    parts = [f"{name}[{type_}]:" for name, type_ in columns]
    body = " ".join(re.escape(part) + _insert_value(type_) for part, (_, type_) in zip(parts, columns, strict=True))
    return re.compile(re.escape(f"table {table}: INSERT: ") + body, re.DOTALL)


_BARE_TYPES: Final = frozenset(
    {"smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", "boolean"}
)


def _insert_value(type_: str) -> str:
    if type_ in _BARE_TYPES:
        return r"(?:null|([^\s']++))"
    if type_ in ("bit", "bit varying"):
        return "(?:null|B'([01]*+)')"
    return f"(?:null|{_QUOTED})"


def parse_commit(payload: bytes) -> float:
    """Give the time of a commit in Unix seconds; the session's time zone must be UTC.

    Raises:
        DecodeError: the message has no readable time.
    """
    match = _COMMIT.match(decode_text(payload))
    try:
        return datetime.fromisoformat(match[2]).astimezone(UTC).timestamp()  # type: ignore[index]
    except (TypeError, ValueError, OverflowError) as error:
        raise DecodeError(f"A commit without a readable time: {payload[:_SHOWN]!r}.") from error


def parse_begin(payload: bytes) -> int:
    """Give the transaction id of a BEGIN.

    Raises:
        DecodeError: there is none.
    """
    try:
        return int(payload[6:])
    except ValueError as error:
        raise DecodeError(f"A BEGIN without a transaction id: {payload[:_SHOWN]!r}.") from error
