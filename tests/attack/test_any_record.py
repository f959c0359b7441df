"""The pipe is given any bytes instead of change records: it drops them or makes a message, and never ends for them."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra import templates
from infra.capture import SCHEMA, TABLE
from twin.pattern import FilterCriteria
from twin.pattern.document import decode, encode
from twin.pipe.checkpoint import Checkpoints, Stream
from twin.pipe.reader import ShardReader
from twin.pipe.records import ADDED_FIELDS, Item, Reading
from twin.pipe.source import Shard
from twin.pipe.template import InputTemplate
from twin.tracing import Tracer

TAKEN = {"record-type": "data", "operation": "insert", "schema-name": SCHEMA, "table-name": TABLE}


def reading() -> Reading:
    """The filter and the template of the program."""
    criteria = FilterCriteria([templates.pipe_filter(SCHEMA, TABLE)], json_field="data", refused_fields=ADDED_FIELDS)
    template = InputTemplate(templates.pipe_input_template(), {}, lambda _: None)
    settings: Any = SimpleNamespace(aws={}, arn="arn:pipe", region="eu-central-1", source_arn="arn:stream")
    return Reading(settings, "shard-0", criteria, template)


READING = reading()


def item(content: bytes) -> Item | None:
    return READING.item(
        {"Data": content, "SequenceNumber": "1", "PartitionKey": "k",
         "ApproximateArrivalTimestamp": datetime(2026, 11, 21, tzinfo=UTC)}
    )  # fmt: skip


def record(data: str, **metadata: Any) -> bytes:
    """A record with this JSON as its row."""
    return f'{{"data": {data}, "metadata": {json.dumps({**TAKEN, **metadata})}}}'.encode(errors="surrogatepass")


NAMES = st.sampled_from([*TAKEN, "data", "metadata", "id", "event_type", "x"])
LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(list(TAKEN.values()))
)  # fmt: skip
VALUE = st.recursive(
    LEAF, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=4), max_leaves=8
)
DOCUMENT = st.fixed_dictionaries(
    {}, optional={"data": VALUE, "metadata": VALUE | st.fixed_dictionaries({name: LEAF | st.just(value)
                                                                             for name, value in TAKEN.items()})}
)  # fmt: skip
ODD = [
    record('{"n": 1e99999999999999999999}'), record('{"n": -1E-99999999999999999999}'), record('{"n": NaN}'),
    record(f'{{"n": {"9" * 5000}}}'), record('{"n": "\\ud800"}'), record('{"\\udfff": 1.5}'),
    record('{"a": 1, "a": 2}'), record("null"), record("[]"), record('"text"'), b"", b"{", b"[]", b"null",
    record('{"x": "\\u0000"}'),
    b"\xff\xfe", b"\xef\xbb\xbf{}", b"{}" * 2, b"[" * 100_000, b'{"a":' * 100_000,
]  # fmt: skip


def _wanted(content: bytes) -> bool:
    """What the program means by its filter, said once more and otherwise: a new row of the outbox."""
    metadata = json.loads(content)["metadata"]

    def has(name: str, *values: str) -> bool:
        found = metadata.get(name)
        # A pattern looks into arrays.
        leaves = json.dumps(found)
        return found in values if not isinstance(found, list) else any(json.dumps(value) in leaves for value in values)

    metadata = metadata if isinstance(metadata, dict) else {}
    return has("record-type", "data") and has("operation", "load", "insert") and has("table-name", "outbox")


@given(st.binary() | DOCUMENT.map(json.dumps).map(str.encode) | VALUE.map(json.dumps).map(record))
@example(ODD[0])
def test_any_record_is_dropped_or_becomes_a_message(content: bytes) -> None:
    made = item(content)
    if made is None:
        return
    message = json.loads(made.message)
    assert message.keys() == {"data", "metadata"}
    if isinstance(message["metadata"], dict):
        assert _wanted(content)


@pytest.mark.parametrize("content", ODD, ids=range(len(ODD)))
def test_odd_records_are_dropped_or_become_a_message(content: bytes) -> None:
    made = item(content)
    assert made is None or decode(made.message).keys() == {"data", "metadata"}


@pytest.mark.parametrize("change", [
    {"operation": "update"}, {"operation": "delete"}, {"operation": "INSERT"}, {"operation": None},
    {"operation": {"insert": "insert"}}, {"table-name": "client"}, {"table-name": "outbox2"}, {"table-name": "Outbox"},
    {"schema-name": "cdc"}, {"record-type": "control"}, {"record-type": "DATA"}, {"record-type": ""},
])  # fmt: skip
def test_the_filter_is_not_too_wide(change: dict[str, Any]) -> None:
    assert item(record('{"id": "1"}')) is not None
    assert item(record('{"id": "1"}', **change)) is None
    left_out = {name: value for name, value in TAKEN.items() if name not in change}
    assert item(json.dumps({"data": {"id": "1"}, "metadata": left_out}).encode()) is None


@pytest.mark.parametrize("depth", [50, 400, 500, 700, 900])
@pytest.mark.parametrize("leaf", ["1", "1.5"])
@pytest.mark.parametrize("place", ["row", "metadata", "operation"])
def test_depth_is_no_matter(depth: int, leaf: str, place: str) -> None:
    def deep(text: str) -> str:
        return "[" * depth + text + "]" * depth

    metadata, row = json.dumps(TAKEN), f'{{"x": {leaf}}}'
    row, metadata = {
        "row": (f'{{"x": {deep(leaf)}}}', metadata),
        "metadata": (row, deep(metadata)),
        "operation": (row, metadata.replace('"insert"', deep('"insert"'))),
    }[place]
    content = f'{{"data": {row}, "metadata": {metadata}}}'
    made = item(content.encode())
    assert made is not None
    assert leaf in made.message


@given(VALUE)
def test_a_document_with_fractions_is_written_as_one_without(value: Any) -> None:
    # The fraction makes the whole document take the slow way.
    assert encode([decode(json.dumps(value)), decode("1.50")]) == f"[{encode(decode(json.dumps(value)))},1.50]"


class OneRecord:
    """A source with one record."""

    def iterator(self, *_: Any) -> str:
        return "first"

    def records(self, iterator: str, *_: Any) -> tuple[list[dict[str, Any]], str]:
        now = datetime(2026, 11, 21, tzinfo=UTC)
        return [{"Data": b"{}", "SequenceNumber": "1", "PartitionKey": "k", "ApproximateArrivalTimestamp": now}], "next"


def test_a_fault_while_reading_ends_the_pipe_and_is_not_silent(tmp_path: Path) -> None:
    class Faulty:
        def item(self, _: object) -> Item:
            raise ArithmeticError("nobody thought of this")

    over = threading.Event()
    settings: Any = SimpleNamespace(batch_size=10, batching_window_s=0)
    source: Any = OneRecord()
    fault: Any = Faulty()
    delivery: Any = None
    stream = Stream("arn", 0.0, 0.0)
    reader = ShardReader(
        Shard("shard-0", ()), stream, settings, source, fault, delivery, Checkpoints(tmp_path), Tracer(enabled=False),
        on_end=over.set,
    )  # fmt: skip
    reader.start()
    assert over.wait(30)
    assert isinstance(reader.error, ArithmeticError)
