"""Rows become records byte for byte as DMS writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.capture.rows import NOW, ROW, column, varchar, writer, written
from twin.capture.columns import Options
from twin.capture.errors import RecordError, SourceError, SpecError, TruncationError
from twin.capture.record import Details


def test_the_unformatted_record_of_an_insert() -> None:
    key, data = writer(parameters={"partition-key-type": "attribute-name", "partition-key-name": "aggregate_id"}).write(
        "insert", ROW, 1234, NOW
    )
    assert key == "1"
    assert data.decode() == (
        '{"data":{"id":"b1f5c1de-0000-4000-8000-000000000001","aggregate_type":"client","aggregate_id":"1",'
        '"version":1,"payload":"{\\"a\\":\\"\\n\\"}","occurred_at":"2026-11-21T06:30:00.123456Z"},'
        '"metadata":{"timestamp":"2026-11-21T06:30:00.123456Z","record-type":"data","operation":"insert",'
        '"partition-key-type":"attribute-name","schema-name":"public","table-name":"outbox",'
        '"transaction-id":1234}}\n'
    )


def test_the_formatted_record_is_indented_by_tabs_and_has_no_transaction_in_the_load() -> None:
    _, data = writer([varchar("id", key=1)], tabs=True).write("load", ["1"], None, NOW)
    assert data.decode() == (
        '{\n\t"data":\t{\n\t\t"id":\t"1"\n\t},\n\t"metadata":\t{\n\t\t"timestamp":\t"2026-11-21T06:30:00.123456Z",'
        '\n\t\t"record-type":\t"data",\n\t\t"operation":\t"load",\n\t\t"partition-key-type":\t"schema-table",'
        '\n\t\t"schema-name":\t"public",\n\t\t"table-name":\t"outbox"\n\t}\n}'
    )


def test_transaction_details_and_partition_value() -> None:
    _, data = writer(parameters={"partition-key-type": "primary-key"}, partition_value=True, key_with_table=True).write(
        "insert", ROW, 9, NOW, Details(1, 8, 10, 1572562435.0, "0/16B3748")
    )
    assert json.loads(data)["metadata"] == {
        "timestamp": NOW,
        "record-type": "data",
        "operation": "insert",
        "partition-key-type": "primary-key",
        "partition-key-value": f"public.outbox.{ROW[0]}",
        "schema-name": "public",
        "table-name": "outbox",
        "transaction-id": 9,
        "transaction-record-id": 1,
        "prev-transaction-id": 8,
        "prev-transaction-record-id": 10,
        "commit-timestamp": "2019-10-31T22:53:55.000000Z",
        "stream-position": "0/16B3748",
    }


@pytest.mark.parametrize(
    ("parameters", "key", "kind"),
    [
        (None, "TASK.public.outbox", "schema-table"),
        ({}, "TASK.public.outbox", "schema-table"),
        ({"partition-key-type": "schema-table"}, "public.outbox", "schema-table"),
        ({"partition-key-type": "primary-key"}, ROW[0], "primary-key"),
        ({"partition-key": {"value": "K"}}, "K", "constant"),
        ({"partition-key-type": "attribute-name", "partition-key-name": "version"}, "1", "attribute-name"),
    ],
)
def test_partition_keys(parameters: dict[str, Any] | None, key: str, kind: str) -> None:
    taken, data = writer(parameters=parameters).write("insert", ROW, 1, NOW)
    assert (taken, json.loads(data)["metadata"]["partition-key-type"]) == (key, kind)


def test_a_key_that_is_null_falls_back_to_the_table() -> None:
    parameters = {"partition-key-type": "attribute-name", "partition-key-name": "aggregate_id"}
    key, data = writer(parameters=parameters).write("delete", [ROW[0], None, None, None, None, None], 1, NOW)
    assert key == "public.outbox"
    assert json.loads(data)["data"] == {"id": ROW[0]}


def test_attributes_are_made_of_columns_and_columns_left_out() -> None:
    def attribute(name: str, value: Any) -> dict[str, Any]:
        scalar = isinstance(value, str)
        return {
            "target-attribute-name": name,
            "attribute-type": "scalar" if scalar else "document",
            "attribute-sub-type": "string" if scalar else "json",
            "value": value,
        }

    parameters = {
        "partition-key-type": "attribute-name",
        "partition-key-name": "who",
        "exclude-columns": ["payload", "occurred_at", "aggregate_type"],
        "attribute-mappings": [
            attribute("who", "${aggregate_type}/${aggregate_id}!"),
            attribute("version", "${version}"),
            attribute("more", {"at": "${occurred_at}", "in": {"text": "${payload}"}}),
        ],
    }
    key, data = writer(parameters=parameters).write("insert", ROW, 1, NOW)
    assert key == "client/1!"
    assert json.loads(data)["data"] == {
        "id": ROW[0],
        "aggregate_id": "1",
        "who": "client/1!",
        "version": "1",
        "more": {"at": "2026-11-21T06:30:00.123456Z", "in": {"text": '{"a":"\n"}'}},
    }


def test_a_mapping_that_names_no_column_is_refused_with_its_rule() -> None:
    with pytest.raises(SpecError, match=r"Rule '2' .* no column total"):
        writer(parameters={"exclude-columns": ["total"]})
    with pytest.raises(SpecError, match=r"Rule '2' .* no column who"):
        writer(parameters={"partition-key-type": "attribute-name", "partition-key-name": "who"})


def test_records_that_kinesis_would_not_take_are_refused() -> None:
    parameters = {"partition-key-type": "attribute-name", "partition-key-name": "aggregate_id"}
    with pytest.raises(RecordError, match="1048576"):
        writer(parameters=parameters).write("insert", [*ROW[:4], "x" * (1 << 20), ROW[5]], 1, NOW)
    with pytest.raises(RecordError, match="257 characters"):
        writer(parameters=parameters).write("insert", [ROW[0], "client", "x" * 257, *ROW[3:]], 1, NOW)


def test_a_truncation_that_is_not_allowed_is_told_from_other_errors() -> None:
    def refuse(name: str) -> None:
        raise TruncationError(name)

    with pytest.raises(RecordError) as caught:
        written("x" * 600, "text", options=Options(lob_limit_kb=1, on_truncation=refuse))
    assert isinstance(caught.value.__cause__, TruncationError)


def test_a_type_that_is_not_documented_is_refused_unless_excluded() -> None:
    columns = [varchar("id", key=1), column("free", "character varying")]
    with pytest.raises(SourceError, match="free is character varying"):
        writer(columns)
    _, data = writer(columns, {"exclude-columns": ["free"]}).write("insert", ["1", "x"], 1, NOW)
    assert json.loads(data)["data"] == {"id": "1"}


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives_the_record(text: str) -> None:
    _, data = writer([varchar("id", key=1)]).write("insert", [text], 1, NOW)
    assert json.loads(data)["data"]["id"] == text
    assert data.count(b"\n") == 1
