"""Values of each type as DMS writes them."""

from __future__ import annotations

import json

import pytest

from tests.twin.capture.rows import NOW, ROW, column, varchar, writer, written
from twin.capture.columns import Options
from twin.capture.errors import RecordError
from twin.capture.wal import UNCHANGED, Value


@pytest.mark.parametrize(
    ("value", "type_", "modifier", "json_"),
    [
        ("7", "integer", -1, "7"),
        ("-1234567890123456", "bigint", -1, "-1234567890123456"),
        ("12345678901234567", "bigint", -1, "1.234567890123457e+16"),
        ("1500.00", "numeric", (12 << 16) + 2 + 4, "1500.00"),
        ("0.611111104488373", "numeric", -1, "0.611111"),
        ("1.5", "numeric", (39 << 16) + 2 + 4, '"1.5"'),
        ("1e+300", "double precision", -1, "1e+300"),
        ("true", "boolean", -1, '"true"'),
        ("f", "boolean", -1, '"false"'),
        ("ab   ", "character", 9, '"ab"'),
        ("101", "bit", 3, '"101"'),
        ("2026-11-21 06:30:00+00", "timestamp with time zone", -1, '"2026-11-21T06:30:00.000000Z"'),
        ("2026-11-21 06:30:00.12+00", "timestamp with time zone", -1, '"2026-11-21T06:30:00.120000Z"'),
        ("2026-11-21 06:30:00", "timestamp without time zone", 0, '"2026-11-21T06:30:00Z"'),
        ("2026-11-21", "date", -1, '"2026-11-21"'),
        ("x", "text", -1, ""),
        ("{a}", "text[]", -1, ""),
        ("\\xdead", "bytea", -1, ""),
        ("5", "oid", -1, ""),
        (None, "integer", -1, ""),
        ("", "character varying", 9, ""),
        (UNCHANGED, "character varying", 9, ""),
    ],
)
def test_values_of_each_type(value: Value, type_: str, modifier: int, json_: str) -> None:
    assert written(value, type_, modifier) == json_


def test_values_under_other_settings() -> None:
    assert written("123456789012345678", "bigint", options=Options(large_integers=True)) == "123456789012345678"
    assert written("ab ", "character", 9, Options(trim_char=False)) == '"ab "'
    assert written("happy", "public.mood", kind="e") == '"happy"'
    assert written("3", "public.positive", base="integer", kind="b") == "3"
    lobs = Options(lob_limit_kb=1)
    assert written("x", "text", options=lobs) == '"x"'
    assert written("\\xdead", "bytea", options=lobs) == '"0xdead"'
    _, data = writer(nulls=True).write("insert", [ROW[0], None, "", "1", UNCHANGED, ROW[5]], 1, NOW)
    assert data.startswith(
        b'{"data":{"id":"' + ROW[0].encode() + b'","aggregate_type":null,"aggregate_id":"","version":1,'
    )


def test_a_lob_is_cut_to_its_limit_in_the_units_of_dms() -> None:
    told: list[str] = []
    options = Options(lob_limit_kb=1, on_truncation=told.append)
    assert written("ä" * 512, "text", options=options) == '"' + "ä" * 512 + '"'
    assert told == []
    assert written("ä" * 513, "text", options=options) == '"' + "ä" * 512 + '"'
    assert written("😀" * 257, "jsonb", options=options) == '"' + "😀" * 256 + '"'
    assert written("\\x" + "ab" * 1025, "bytea", options=options) == '"0x' + "ab" * 1024 + '"'
    assert told == ["value"] * 3


def test_lobs_of_a_table_without_a_key_are_left_out() -> None:
    columns = [varchar("id"), column("value", "text")]
    _, data = writer(columns, options=Options(lob_limit_kb=1)).write("insert", ["1", "x"], 1, NOW)
    assert json.loads(data)["data"] == {"id": "1"}


@pytest.mark.parametrize(
    ("value", "type_"),
    [("NaN", "numeric"), ("Infinity", "real"), ("infinity", "timestamp with time zone"), ("0044-03-15 BC", "date")],
)
def test_values_that_json_cannot_hold_are_refused_with_their_row(value: str, type_: str) -> None:
    with pytest.raises(RecordError, match=r"insert of public\.outbox \(id 1\)"):
        written(value, type_, (12 << 16) + 6 if type_ == "numeric" else -1)
