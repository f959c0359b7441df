"""Change capture is given any bytes instead of the log's messages: a record, nothing, or an error that says why."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.twin.capture.rows import ROW, column, varchar, writer
from twin.capture.changes import Changes
from twin.capture.errors import CaptureError, DecodeError, RecordError
from twin.capture.policies import Policies
from twin.capture.record import RecordWriter
from twin.capture.settings import TaskSettings
from twin.capture.wal import parse_commit

EVERY_KIND = [
    varchar("id", key=1),
    column("big", "bigint"),
    column("free", "numeric"),
    column("price", "numeric", (12 << 16) + 2 + 4),
    column("real", "double precision"),
    column("flag", "boolean"),
    column("day", "date"),
    column("at", "timestamp with time zone"),
    column("fixed", "character", 9),
    column("bits", "bit", 3),
]
VALUES = st.sampled_from(
    ["null", "''", "'x'", "1", "true", "-", "e", "NaN", "Infinity", "9" * 20, "1" * 40, "1e999999999999999999", "B'1'",
     "unchanged-toast-datum", "'2026-11-21'", "'0001-01-01 00:00:00+00 BC'", "'infinity'", "'\x00'", "'''", "''''", "é"]
)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Messages near the grammar: right names and types, any values, and bytes changed or cut."""
    operation = draw(st.sampled_from(["INSERT", "UPDATE", "DELETE", "TRUNCATE", "insert"]))
    row = " ".join(f"{one.name}[{one.type}]:{draw(VALUES)}" for one in EVERY_KIND[: draw(st.integers(0, 10))])
    old = draw(st.sampled_from(["", "", "", "old-key: id[character varying]:'1' new-tuple: ", "(no-tuple-data)"]))
    payload = f"table public.outbox: {operation}: {old}{row}".encode()
    at = draw(st.integers(0, len(payload)))
    return payload[:at] + draw(st.sampled_from([b"", b"", b"\xff", b"'", b"\n", b'"'])) + payload[at:]


PLAIN = st.binary(max_size=40) | st.sampled_from(
    [b"BEGIN 7", b"BEGIN ", b"BEGIN x", b"COMMIT 7 (at 2026-11-21 07:05:54+00)", b"COMMIT",
     b"COMMIT 7 (at 0001-01-01T00:00+23:59)", b"message: x", b"table", b"table : ", b"table public.outbox: "]
)  # fmt: skip


def changes(table: RecordWriter, held: bool) -> Changes:
    made = Changes(lambda schema, name: table if name == "outbox" else None, Policies(TaskSettings()), trace=held)
    made.add(table)
    return made


@given(st.lists(PLAIN | messages(), max_size=6), st.booleans())
@example([b"BEGIN 1", b"table public.outbox: INSERT: free[numeric]:NaN", b"COMMIT 1 (at x)"], True)
def test_any_messages_become_records_or_an_error_with_a_reason(payloads: list[bytes], held: bool) -> None:
    reader = changes(writer(EVERY_KIND), held)
    for position, payload in enumerate(payloads):
        with suppress(CaptureError):
            reader.feed(payload, position)
    for key, data in reader.take()[0]:
        assert key
        assert data.startswith(b'{"data":{')


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXT, TEXT)
def test_a_text_of_the_row_never_reaches_the_records_own_fields(kind: str, payload: str) -> None:
    values = [ROW[0], kind, "1", "1", payload, ROW[5]]
    types = [one.type for one in writer().table.columns]
    names = [one.name for one in writer().table.columns]
    quoted = [value if name == "version" else "'" + value.replace("'", "''") + "'"
              for name, value in zip(names, values, strict=True)]  # fmt: skip
    row = " ".join(f"{name}[{type_}]:{text}" for name, type_, text in zip(names, types, quoted, strict=True))
    reader = changes(writer(), held=False)
    reader.feed(b"BEGIN 7", 1)
    reader.feed(f"table public.outbox: INSERT: {row}".encode(), 2)
    [(_, data)] = reader.take()[0]
    record = json.loads(data)
    assert record.keys() == {"data", "metadata"}
    assert record["data"].get("payload", "") == payload
    assert record["data"].get("aggregate_type", "") == kind
    assert (record["metadata"]["operation"], record["metadata"]["table-name"]) == ("insert", "outbox")


def test_a_commit_at_the_edge_of_the_calendar_is_refused() -> None:
    with pytest.raises(DecodeError, match="without a readable time"):
        parse_commit(b"COMMIT 7 (at 0001-01-01T00:00:00+23:59)")


@pytest.mark.parametrize("digits", ["1" * 40, "-" + "8" * 131_072 + "." + "8" * 16_383])
def test_a_numeric_of_any_size_is_written(digits: str) -> None:
    _, data = writer([varchar("id", key=1), column("free", "numeric")]).write("insert", ["1", digits], 1, "now")
    assert digits[:39].encode() in data


def test_a_value_that_is_none_of_its_type_is_refused_with_the_table() -> None:
    table = writer([varchar("id", key=1), column("big", "bigint")])
    with pytest.raises(RecordError, match=r"public\.outbox: a value is not of its column's type"):
        table.write("insert", ["1", "x" * 30], 1, "now")
