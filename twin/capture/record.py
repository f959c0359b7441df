"""Rows to Kinesis records, byte for byte as DMS writes them. Pure.

The record is {"data": {...}, "metadata": {...}}. The message format json (the default of DMS) is
indented by tabs, json-unformatted is one line with a line end. Rows of the full load have no
transaction-id. `timestamp` is when the message was made, as with DMS.
Sources: DMS user guide, "Using object mapping to migrate data to a Kinesis data stream" with its
section "Message format"; "Kinesis settings"; sample with all details in "Using Apache Kafka as a target".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring

from twin.capture.catalog import Table
from twin.capture.columns import Options, Render, renderer
from twin.capture.errors import RecordError, SourceError
from twin.capture.mappings import ObjectMapping
from twin.capture.texts import Text, Texts, Values
from twin.capture.wal import UNCHANGED, Row, Unchanged, Value

RECORD_LIMIT = 1 << 20
"""Largest record: data and partition key together, in bytes (API reference of Kinesis, PutRecords)."""
KEY_LIMIT = 256
OPERATIONS = ("load", "insert", "update", "delete")

Record = tuple[str, bytes]
"""Partition key and data."""


@dataclass(frozen=True, slots=True)
class Format:
    """Settings of the target endpoint and of the task that shape a record; `task` is the task's resource id."""

    tabs: bool = True
    nulls: bool = False
    partition_value: bool = False
    key_with_table: bool = False
    task: str = "task"
    key_by_default: str = "schema-table"


@dataclass(frozen=True, slots=True)
class Details:
    """What IncludeTransactionDetails adds: offsets of records count from 1, `commit` is in Unix seconds."""

    record: int
    previous_transaction: int
    previous_record: int
    commit: float
    position: str


def timestamp(seconds: float) -> str:
    """Write Unix seconds as ISO 8601 in UTC with six decimals."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class RecordWriter:
    """Writes the records of one table.

    Args:
        table: its description.
        mapping: its object-mapping rule, or None for the defaults of DMS.
        form: settings that shape a record.
        options: settings that shape values.

    Raises:
        SourceError: a column has a type that the twin does not write.
        SpecError: the mapping names a column or attribute that does not exist.
    """

    def __init__(self, table: Table, mapping: ObjectMapping | None, form: Format, options: Options) -> None:
        self.table = table
        self._form = form
        self._rule = f"Rule {mapping.rule_id!r} of the table mappings" if mapping else "The table mappings"
        parameters = mapping.mapping_parameters if mapping else None
        excluded = set(parameters.exclude_columns) if parameters else set[str]()
        attributes = parameters.attribute_mappings if parameters else []
        self._places = {column.name: place for place, column in enumerate(table.columns)}
        self._colon = ":\t" if form.tabs else ":"
        self._comma = ",\n\t\t" if form.tabs else ","
        self._nulls = form.nulls
        self._renders = [
            self._render(place, column.name in excluded, options) for place, column in enumerate(table.columns)
        ]
        self._of = Texts(table, self._renders, self._rule)
        self._of.require(excluded)
        self._texts: dict[str, Text] = {}
        self._attributes: list[tuple[str, Callable[[Values], str | None]]] = []
        for attribute in attributes:
            name = attribute.target_attribute_name
            self._attributes.append((self._member(name), self._of.json(attribute.value)))
            if isinstance(attribute.value, str):
                self._texts[name] = self._of.template(attribute.value)
        replaced = {attribute.target_attribute_name for attribute in attributes}
        self._columns: list[tuple[int, str, Render]] = [
            (place, self._member(column.name), render)
            for place, (column, render) in enumerate(zip(table.columns, self._renders, strict=True))
            if render is not None and column.name not in replaced and column.name not in excluded
        ]
        self._partition_key_type, self._partition_key = self._choose_key(mapping)
        self._envelope()

    def _member(self, name: str) -> str:
        return encode_basestring(name) + self._colon

    def _render(self, place: int, excluded: bool, options: Options) -> Render | None:
        column = self.table.columns[place]
        if column.kind is None and not excluded:
            raise SourceError(
                f"{self.table.sql_name}.{column.name} is {column.type}: the twin does not know how DMS writes that. "
                "Declare another type (a varchar needs its length) or exclude the column by an object mapping."
            )
        if column.is_lob and not self.table.key:
            return None  # LOB modes need a primary key
        return renderer(column, options)

    def _choose_key(self, mapping: ObjectMapping | None) -> tuple[str, Text]:
        parameters = mapping.mapping_parameters if mapping else None
        kind = (parameters.partition_key_type if parameters else None) or self._form.key_by_default
        name = f"{self.table.schema}.{self.table.name}"
        if parameters and parameters.partition_key:
            constant = parameters.partition_key.value
            return "constant", lambda _: constant
        if kind == "attribute-name" and parameters and parameters.partition_key_name:
            attribute = parameters.partition_key_name
            return kind, self._texts.get(attribute) or self._of.column(attribute)
        if kind == "primary-key" and self.table.key:
            texts = [self._of.column(column.name) for column in self.table.key]
            lead = [name] if self._form.key_with_table else []
            return kind, lambda values: ".".join(lead + [text(values) or "" for text in texts])
        # Named or not, the key of a table; without a rule DMS puts the task in front of it.
        fixed = name if parameters and parameters.partition_key_type else f"{self._form.task}.{name}"
        return "schema-table", lambda _: fixed

    def _envelope(self) -> None:
        one, none = ("\n\t", "\n") if self._form.tabs else ("", "")
        inner = "\n\t\t" if self._form.tabs else ""
        self._head = f'{{{one}"data"{self._colon}{{{inner}'
        self._middle = f'{one}}},{one}"metadata"{self._colon}{{{inner}"timestamp"{self._colon}"'
        self._tail = f"{one}}}{none}}}" + ("" if self._form.tabs else "\n")
        names = self._fields(**{"schema-name": self.table.schema, "table-name": self.table.name})
        before = {
            operation: '"' + self._fields(**{
                "record-type": "data", "operation": operation, "partition-key-type": self._partition_key_type,
            })
            for operation in OPERATIONS
        }  # fmt: skip
        self._shows_key = self._form.partition_value and self._partition_key_type != "schema-table"
        self._before_key = before
        self._names = names
        self._metadata = {operation: text + names for operation, text in before.items()}
        self._transaction = f'{self._comma}"transaction-id"{self._colon}'

    def _fields(self, **fields: str | int) -> str:
        return "".join(
            f'{self._comma}"{name}"{self._colon}{encode_basestring(value) if isinstance(value, str) else value}'
            for name, value in fields.items()
        )

    def write(
        self, operation: str, values: Values, transaction: int | None, now: str, details: Details | None = None
    ) -> Record:
        """Write one record.

        Args:
            operation: load, insert, update or delete.
            values: one for each column of the table, in its order.
            transaction: id of the transaction, None in the full load.
            now: the time of making, as `timestamp` writes it.
            details: transaction details if the endpoint asks for them.

        Raises:
            RecordError: a value or the whole does not fit into a record.
        """
        try:
            return self._write(operation, values, transaction, now, details)
        except (ValueError, ArithmeticError, LookupError) as error:
            # No value that PostgreSQL writes: the log was not read as it was meant.
            raise RecordError(f"{operation} of {self.table.sql_name}: a value is not of its column's type.") from error
        except RecordError as error:
            key = ", ".join(f"{column.name} {values[self._places[column.name]]}" for column in self.table.key)
            raise RecordError(f"{operation} of {self.table.sql_name} ({key}): {error}") from error

    def _write(
        self, operation: str, values: Values, transaction: int | None, now: str, details: Details | None
    ) -> Record:
        parts = [
            member + render(value)  # type: ignore[arg-type]
            for place, member, render in self._columns
            if (value := values[place]) and value is not UNCHANGED
        ] if not self._nulls else self._with_nulls(values)  # fmt: skip
        for member, attribute in self._attributes:
            text = attribute(values)
            if text is not None and (text != '""' or self._nulls):
                parts.append(member + text)
        key = self._partition_key(values) or f"{self.table.schema}.{self.table.name}"
        metadata = self._metadata[operation]
        if self._shows_key:
            metadata = self._before_key[operation] + self._fields(**{"partition-key-value": key}) + self._names
        end = self._tail if transaction is None else f"{self._transaction}{transaction}{self._tail}"
        if details is not None and transaction is not None:
            end = self._detailed(transaction, details)
        data = f"{self._head}{self._comma.join(parts)}{self._middle}{now}{metadata}{end}".encode()
        if len(key) > KEY_LIMIT:
            raise RecordError(f"the partition key has {len(key)} characters, Kinesis takes {KEY_LIMIT}.")
        if len(data) + len(key) > RECORD_LIMIT and len(data) + len(key.encode()) > RECORD_LIMIT:
            raise RecordError(f"the record has {len(data)} bytes, Kinesis takes {RECORD_LIMIT} with the partition key.")
        return key, data

    def _with_nulls(self, values: Values) -> list[str]:
        return [
            member + ("null" if value is None else render(value))
            for place, member, render in self._columns
            if not isinstance(value := values[place], Unchanged)
        ]

    def _detailed(self, transaction: int, details: Details) -> str:
        fields: dict[str, str | int] = {
            "transaction-id": transaction,
            "transaction-record-id": details.record,
            "prev-transaction-id": details.previous_transaction,
            "prev-transaction-record-id": details.previous_record,
            "commit-timestamp": timestamp(details.commit),
            "stream-position": details.position,
        }
        return self._fields(**fields) + self._tail

    def event(self, values: Values) -> str:
        """Give the text that names a row in traces: its first key column, or its first column."""
        place = self._places[self.table.key[0].name] if self.table.key else 0
        return str(values[place])

    def is_of(self, schema: str, table: str) -> bool:
        """Tell whether this writes the records of a table."""
        return (self.table.schema, self.table.name) == (schema, table)

    def arrange(self, row: Row) -> list[Value]:
        """Put the columns of a row of the log into the order of the table; what it lacks counts as null."""
        known = dict(zip(row.names, row.values, strict=True))
        return [known.get(column.name) for column in self.table.columns]
