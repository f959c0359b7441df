"""Tables and rows for the unit tests, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twin.capture.catalog import Table
from twin.capture.columns import Column, Options
from twin.capture.mappings import parse_mappings
from twin.capture.record import Format, RecordWriter
from twin.capture.wal import Value

NOW = "2026-11-21T06:30:00.123456Z"
LOCATOR = {"schema-name": "public", "table-name": "%"}


def column(name: str, type_: str, modifier: int = -1, key: int = 0, **more: Any) -> Column:
    return Column(
        name, name, type_, more.get("base", type_), modifier, more.get("kind", "b"), type_.endswith("[]"), key
    )


def varchar(name: str, length: int = 100, key: int = 0) -> Column:
    return column(name, "character varying", length + 4, key)


OUTBOX = (
    column("id", "uuid", key=1),
    varchar("aggregate_type"),
    varchar("aggregate_id"),
    column("version", "bigint"),
    varchar("payload"),
    column("occurred_at", "timestamp with time zone"),
)
ROW = ["b1f5c1de-0000-4000-8000-000000000001", "client", "1", "1", '{"a":"\n"}', "2026-11-21 06:30:00.123456+00"]


def writer(
    columns: Sequence[Column] = OUTBOX,
    parameters: dict[str, Any] | None = None,
    options: Options | None = None,
    **form: Any,
) -> RecordWriter:
    mapping = None
    if parameters is not None:
        rule = {"rule-id": "1", "rule-name": "1", "object-locator": LOCATOR}
        rules = [
            {**rule, "rule-type": "selection", "rule-action": "include"},
            {
                **rule,
                "rule-id": "2",
                "rule-name": "2",
                "rule-type": "object-mapping",
                "rule-action": "map-record-to-record",
                "mapping-parameters": parameters,
            },
        ]
        mapping = parse_mappings({"rules": rules}).mapping("public", "outbox")
    table = Table("public", "outbox", "public.outbox", tuple(columns))
    return RecordWriter(table, mapping, Format(**{"tabs": False, "task": "TASK", **form}), options or Options())


def written(value: Value, type_: str, modifier: int = -1, options: Options | None = None, **more: Any) -> Any:
    """The JSON text of one value of a type."""
    columns = [varchar("id", key=1), column("value", type_, modifier, **more)]
    _, data = writer(columns, options=options).write("insert", ["1", value], 1, NOW)
    return data.decode().removeprefix('{"data":{"id":"1"').partition('},"metadata"')[0].removeprefix(',"value":')
