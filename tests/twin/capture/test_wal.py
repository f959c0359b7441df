"""The output of test_decoding is taken apart exactly, whatever it holds."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.capture.errors import DecodeError
from twin.capture.wal import (
    UNCHANGED,
    Row,
    decode_text,
    insert_pattern,
    parse_begin,
    parse_change,
    parse_commit,
)

# Text of PostgreSQL: any character but NUL.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
tricky = st.sampled_from(
    ["'", "''", "' b[text]:'", "null", "unchanged-toast-datum", " new-tuple: ", "(no-tuple-data)", "\n", "]:'", "\\'"]
)
anything = st.lists(st.one_of(texts, tricky)).map("".join)


def quoted(text: str | None) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@given(st.lists(st.one_of(st.none(), anything), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was_by_both_ways(values: list[str | None]) -> None:
    names = tuple(f"c{place}" for place in range(len(values)))
    row = " ".join(f"{name}[character varying]:{quoted(value)}" for name, value in zip(names, values, strict=True))
    text = f"table public.t: INSERT: {row}"

    change = parse_change(text)
    assert change is not None
    assert change.row == Row(names, ("character varying",) * len(values), tuple(values))

    match = insert_pattern("public.t", [(name, "character varying") for name in names]).fullmatch(text)
    assert match is not None
    assert [value and value.replace("''", "'") for value in match.groups()] == values


@given(texts.filter(bool), texts.filter(bool), texts.filter(bool), anything)
def test_any_name_comes_back_as_it_was(schema: str, table: str, column: str, value: str) -> None:
    names = quoted_name(schema), quoted_name(table), quoted_name(column)
    change = parse_change(f'table {names[0]}.{names[1]}: DELETE: {names[2]}[public."a]:b"]:{quoted(value)}')
    assert change is not None
    assert (change.schema, change.table, change.operation) == (schema, table, "delete")
    assert change.row == Row((column,), ('public."a]:b"',), (value,))


@given(st.one_of(st.binary(), anything.map(lambda text: f"table a.b: UPDATE: {text}".encode())))
def test_any_bytes_are_understood_or_refused(payload: bytes) -> None:
    def parse_text(payload: bytes) -> object:
        return parse_change(decode_text(payload))

    for parse in (parse_text, parse_begin, parse_commit):
        with suppress(DecodeError):
            parse(payload)


def test_a_long_broken_message_is_refused_in_linear_time() -> None:
    with pytest.raises(DecodeError, match="Cannot understand character"):
        parse_change("table a.b: INSERT: c[text]:'" + "''" * 500_000)
    with pytest.raises(DecodeError):
        parse_change('table a.b: INSERT: c["' + '""' * 500_000)


def test_an_update_with_a_new_key_and_a_value_not_in_the_log() -> None:
    change = parse_change(
        "table public.t: UPDATE: old-key: id[integer]:2 new-tuple: id[integer]:3 bits[bit]:B'101' "
        "ok[boolean]:true far[text]:unchanged-toast-datum near[text]:'unchanged-toast-datum'"
    )
    assert change is not None
    assert change.old_key == Row(("id",), ("integer",), ("2",))
    assert change.row is not None
    assert change.row.values == ("3", "101", "true", UNCHANGED, "unchanged-toast-datum")


def test_a_row_without_data_and_a_truncate() -> None:
    change = parse_change("table public.nokey: DELETE: (no-tuple-data)")
    assert change is not None
    assert change.row is None
    assert parse_change('table public.a, public."B c": TRUNCATE: restart_seqs cascade') is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "COMMIT 5",
        "table public.t",
        "table public.t: INSERT: id[integer]:1 rest",
        "table public.t: UPDATE: old-key: id[integer]:1",
        "table public.t: DELETE: (no-tuple-data) id[integer]:1",
        "table public.t: INSERT: c[text]:'open",
    ],
)
def test_what_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_change(text)


def test_times_and_ids_of_transactions() -> None:
    assert parse_begin(b"BEGIN 4294967") == 4294967
    assert parse_commit(b"COMMIT 7 (at 2026-11-21 07:05:54.57823+00)") == 1795244754.57823
    with pytest.raises(DecodeError, match="without a readable time"):
        parse_commit(b"COMMIT 7")
