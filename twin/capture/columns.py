"""Columns of a table as DMS sees them, and how it writes the value of each in JSON. Pure.

| PostgreSQL | in the record |
|---|---|
| smallint, integer, bigint | number; a bigint of more than 16 digits in scientific notation, which loses digits |
| numeric(p,s) | number with its s decimals; without p and s rounded to 6 decimals; string for p above 38 |
| real, double precision | number |
| varchar(n), uuid, enum, inet, bit, ranges, points | string |
| char(n) | string without trailing blanks (trim_space_in_char) |
| boolean | "true" or "false", a string |
| timestamp, timestamptz | "2026-11-21T06:30:00.123456Z", in UTC, as many decimals as declared |
| date, time | as PostgreSQL writes them |
| text, json, jsonb, arrays, hstore, composites (NCLOB), xml, tsvector, path (CLOB) | string, cut to LobMaxSize; \
absent without SupportLobs |
| bytea (BLOB) | "0x..." in hexadecimal digits, cut to LobMaxSize; absent without SupportLobs |

Sources: DMS user guide, "Source data types for PostgreSQL", "Limitations on using a PostgreSQL database
as a DMS source", "Limitations when using Kinesis Data Streams as a target". Where these say nothing
(decimals of a timestamp, number for numeric), recorded samples or the design's contract decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from json.encoder import encode_basestring
from typing import Final

from twin.capture.errors import RecordError

Render = Callable[[str], str]
"""From the text of a value to JSON; raises RecordError for a value that DMS cannot write."""

_KINDS: Final = {
    **dict.fromkeys(("smallint", "integer"), "integer"),
    "bigint": "bigint",
    "numeric": "numeric",
    **dict.fromkeys(("real", "double precision"), "float"),
    "character varying": "string",
    "character": "char",
    "boolean": "boolean",
    **dict.fromkeys(("timestamp with time zone", "timestamp without time zone"), "datetime"),
    "date": "date",
    **dict.fromkeys(("time with time zone", "time without time zone"), "string"),
    **dict.fromkeys(("uuid", "cidr", "inet", "macaddr", "bit", "bit varying"), "string"),
    **dict.fromkeys(("point", "line", "lseg", "box", "circle"), "string"),
    **dict.fromkeys(("text", "json", "jsonb"), "nclob"),
    **dict.fromkeys(("xml", "tsvector", "tsquery", "path", "polygon"), "clob"),
    "bytea": "blob",
    "oid": "absent",
}
_BY_CLASS: Final = {"e": "string", "r": "string", "c": "nclob"}
LOBS: Final = frozenset({"nclob", "clob", "blob"})

_DATETIME = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLAIN_DIGITS: Final = 16
_LARGE_DIGITS: Final = 18
_NUMERIC_MAX: Final = 38
_SIX_PLACES: Final = Decimal("0.000001")
# A numeric has up to 131,072 digits before the point and 16,383 behind it ("Numeric Types", PostgreSQL).
_ALL_DIGITS: Final = Context(prec=131_072 + 16_383)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue tells.

    `name` is the identifier itself, `sql_name` as SQL writes it; `type` as the log names it, `base` the type
    under a domain; `modifier` PostgreSQL's atttypmod; `type_class` typtype (b, e, c, r, ...); `key` its place
    in the primary key, from 1, or 0.
    """

    name: str
    sql_name: str
    type: str
    base: str
    modifier: int
    type_class: str
    array: bool
    key: int

    @property
    def kind(self) -> str | None:
        """What it is to DMS; None: nothing that the twin writes."""
        if self.array:
            return "nclob"
        if self.base == "character varying" and self.modifier < 0:
            return None  # not documented what DMS makes of a varchar without a length
        if self.base.rpartition(".")[2] == "hstore":
            return "nclob"
        return _KINDS.get(self.base) or _BY_CLASS.get(self.type_class)

    @property
    def is_lob(self) -> bool:
        """Whether DMS takes it for a large object."""
        return self.kind in LOBS


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of endpoints and task that change how values are written."""

    large_integers: bool = False
    trim_char: bool = True
    jsonb_as_clob: bool = False
    hex_prefix: str = "0x"
    lob_limit_kb: int | None = None
    on_truncation: Callable[[str], None] = lambda _: None


def renderer(column: Column, options: Options) -> Render | None:
    """Make the writer of a column's values; None leaves the column out."""
    kind = column.kind
    if kind in LOBS:
        return _lob(column, options)
    if kind == "numeric":
        return _numeric(column.modifier)
    if kind == "datetime":
        return _datetime(column.modifier)
    if kind == "char":
        return (lambda text: encode_basestring(text.rstrip(" "))) if options.trim_char else encode_basestring
    if kind == "bigint":
        return _bigint(_LARGE_DIGITS if options.large_integers else _PLAIN_DIGITS)
    simple: dict[str, Render] = {
        "integer": str,
        "float": _number,
        "boolean": _boolean,
        "date": _date,
        "string": encode_basestring,
    }
    return simple.get(kind or "")


def _bigint(digits: int) -> Render:
    def render(text: str) -> str:
        # Faster than stripping the sign: only numbers near the limit are looked at twice.
        if len(text) <= digits or len(text.lstrip("-")) <= digits:
            return text
        return f"{int(text):.16g}"

    return render


def _number(text: str) -> str:
    if text[-1].isdigit():
        return text
    raise RecordError(f"{text} is no number in JSON.")


def _numeric(modifier: int) -> Render:
    if modifier < 0:
        return lambda text: str(Decimal(_number(text)).quantize(_SIX_PLACES, context=_ALL_DIGITS))
    precision = ((modifier - 4) >> 16) & 0xFFFF
    return encode_basestring if precision > _NUMERIC_MAX else _number


def _boolean(text: str) -> str:
    # The log says true, a query t.
    return '"true"' if text[0] == "t" else '"false"'


def _date(text: str) -> str:
    if _DATE.fullmatch(text):
        return f'"{text}"'
    raise RecordError(f"{text} is no date that JSON consumers know.")


def _datetime(modifier: int) -> Render:
    places = 6 if modifier < 0 else modifier

    def render(text: str) -> str:
        # The usual shape, 2026-11-21 06:30:00.123456+00, without a regular expression.
        if places == 6 and len(text) == 29 and text[10] == " " and text.endswith("+00"):
            return f'"{text[:10]}T{text[11:26]}Z"'
        match = _DATETIME.fullmatch(text)
        if match is None:
            raise RecordError(f"{text} is no time that JSON consumers know.")
        year, month, day, time, fraction = match.groups()
        decimals = "." + (fraction or "").ljust(places, "0") if places else ""
        return f'"{year}-{month}-{day}T{time}{decimals}Z"'

    return render


def _lob(column: Column, options: Options) -> Render | None:
    limit = options.lob_limit_kb
    if limit is None:
        return None
    size = limit * 1024
    if column.kind == "blob":
        cut: Callable[[str], str] = lambda text: options.hex_prefix + text[2 : 2 + 2 * size]  # noqa: E731
        length: Callable[[str], int] = lambda text: len(text) // 2 - 1  # noqa: E731
    else:
        # DMS holds NCLOB text in two bytes a character, four outside the basic plane; CLOB in UTF-8.
        wide = column.kind == "nclob" and not (column.base == "jsonb" and options.jsonb_as_clob)
        encoding = "utf-16-le" if wide else "utf-8"
        cut = lambda text: text.encode(encoding)[:size].decode(encoding, "ignore")  # noqa: E731
        length = lambda text: len(text.encode(encoding))  # noqa: E731

    def render(text: str) -> str:
        if length(text) > size:
            options.on_truncation(column.name)
            return encode_basestring(cut(text))
        return encode_basestring(cut(text) if column.kind == "blob" else text)

    return render
