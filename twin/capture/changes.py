"""From the messages of the log to records ready for Kinesis.

Of an insert, nearly all there is in an outbox, the row is taken apart by one regular expression made
for its table; everything else goes through the general parser. Messages of tables that the task does
not take are put aside by their first bytes: test_decoding cannot be told to leave them out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from twin.capture.errors import DecodeError, RecordError
from twin.capture.policies import Policies
from twin.capture.record import Details, Record, RecordWriter, timestamp
from twin.capture.texts import Values
from twin.capture.wal import Change, decode_text, parse_begin, parse_change, parse_commit

log = logging.getLogger(__name__)

Lookup = Callable[[str, str], RecordWriter | None]
"""Gives the writer for a table as it is now, None for a table that the task does not take."""

_TABLE, _BEGIN, _COMMIT, _MESSAGE = b"t"[0], b"B"[0], b"C"[0], b"m"[0]
_UNKNOWN: Final = object()


class Changes:
    """Turns messages into records, collected until they are taken.

    Args:
        lookup: finds the writer of a table; asked when a table appears first and when its shape changed.
        policies: the task's error policies.
        details: whether records carry transaction details; rows are then held until their commit is read.
        trace: whether `events` and `commits` are to be collected; rows are then held as well.
    """

    def __init__(self, lookup: Lookup, policies: Policies, *, details: bool = False, trace: bool = False) -> None:
        self._lookup = lookup
        self._policies = policies
        self._details = details
        self._trace = trace
        self._routes: dict[bytes, Any] = {}
        self._writers: dict[tuple[str, str], RecordWriter] = {}
        self._looked_up: set[tuple[object, ...]] = set()
        self._begin = b"BEGIN 0"
        self._held: list[tuple[RecordWriter, str, Values, int]] = []
        self._previous = (0, 0)
        self.now = timestamp(time.time())
        self.records: list[Record] = []
        self.events: list[str] = []
        self.commits: list[float] = []
        self.committed = 0

    def feed(self, payload: bytes, position: int) -> None:
        """Take one message of the log; `position` is its place in the log.

        Raises:
            DecodeError: the message cannot be understood.
            StoppedError: an error policy stops the task.
        """
        kind = payload[0] if payload else 0
        if kind == _TABLE:
            writer = self._routes.get(payload[6 : payload.find(b": ", 6)], _UNKNOWN)
            if writer is None:
                return
            text = decode_text(payload)
            match = writer.table.match_insert(text) if writer is not _UNKNOWN else None
            if match is None:
                self._other(text, position)
                return
            values = match.groups()
            if "''" in text:
                values = tuple(value.replace("''", "'") if value else value for value in values)
            self._emit(writer, "insert", values, position)
        elif kind == _COMMIT:
            if self._held:
                self._release(payload)
            self.committed = position
        elif kind == _BEGIN:
            self._begin = payload
        elif kind != _MESSAGE:
            raise DecodeError(f"Not a message of test_decoding: {payload[:80]!r}.")

    def take(self) -> tuple[list[Record], list[str], list[float], int]:
        """Give the records, events and commit times collected, and the last commit that they complete."""
        taken = self.records, self.events, self.commits, self.committed
        self.records, self.events, self.commits = [], [], []
        return taken

    def forget(self) -> None:
        """Drop what is collected and half a transaction: the connection broke, all of it comes again."""
        self.take()
        self._held.clear()
        self.committed = 0

    def add(self, writer: RecordWriter) -> None:
        """Make a table known, or replace what is known of it."""
        self._writers[writer.table.schema, writer.table.name] = writer
        route = writer.table.sql_name.encode()
        # A name with the separator inside would be cut short; it takes the general way each time.
        if b": " not in route:
            self._routes[route] = writer

    def _other(self, text: str, position: int) -> None:
        change = parse_change(text)
        if change is None:
            log.warning("TRUNCATE is not captured by DMS: %.200s", text)
            return
        writer = self._writer_for(change)
        if writer is None:
            # A quoted name may hold the separator: such a table takes the general way each time.
            name = text[6 : text.find(": ", 6)]
            self.ignore(name if '"' not in name else "")
        elif self._is_captured(writer, change) and change.row is not None:
            self._emit(writer, change.operation, writer.arrange(change.row), position)

    def _writer_for(self, change: Change) -> RecordWriter | None:
        name = (change.schema, change.table)
        known = self._writers.get(name)
        row = change.row if change.operation != "delete" else None
        shape = (*name, row.names, row.types) if row else name
        if known is not None and (
            row is None or known.table.has_shape(row.names, row.types) or shape in self._looked_up
        ):
            return known
        # Rows from before an alteration may come after it: each shape is looked up once.
        self._looked_up.add(shape)
        if known is not None:
            log.warning("%s.%s was altered: its description is read again", *name)
        writer = self._lookup(*name)
        if writer is not None:
            self.add(writer)
        return writer

    def ignore(self, sql_name: str) -> None:
        """Put aside all messages of a table from now on."""
        if sql_name and ": " not in sql_name:
            self._routes[sql_name.encode()] = None

    def _is_captured(self, writer: RecordWriter, change: Change) -> bool:
        name = writer.table.sql_name
        if change.operation != "insert" and not writer.table.key:
            log.warning("%s of %s is ignored, as DMS does: the table has no primary key", change.operation, name)
            return False
        if change.row is None:
            log.warning("%s of %s is ignored: the log has no key of the row", change.operation, name)
            return False
        if change.old_key is not None:
            key = {column.name for column in writer.table.key}
            new = dict(zip(change.row.names, change.row.values, strict=True))
            old = dict(zip(change.old_key.names, change.old_key.values, strict=True))
            if any(old.get(column) != new.get(column) for column in key):
                log.warning("An update of the primary key of %s is ignored, as DMS does", name)
                return False
        return True

    def _emit(self, writer: RecordWriter, operation: str, values: Values, position: int) -> None:
        if self._details or self._trace:
            self._held.append((writer, operation, values, position))
            return
        try:
            self.records.append(writer.write(operation, values, parse_begin(self._begin), self.now))
        except RecordError as error:
            self._policies.handle(error, writer.table.schema, writer.table.name)
            self._drop_suspended(writer)

    def _drop_suspended(self, writer: RecordWriter) -> None:
        if self._policies.is_suspended(writer.table.schema, writer.table.name):
            self.ignore(writer.table.sql_name)

    def _release(self, commit: bytes) -> None:
        transaction, committed = parse_begin(self._begin), parse_commit(commit)
        for number, (writer, operation, values, position) in enumerate(self._held, 1):
            details = None
            if self._details:
                place = f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
                details = Details(number, *self._previous, committed, place)
            try:
                record = writer.write(operation, values, transaction, self.now, details)
            except RecordError as error:
                self._policies.handle(error, writer.table.schema, writer.table.name)
                self._drop_suspended(writer)
                continue
            self.records.append(record)
            if self._trace:
                self.events.append(writer.event(values))
                self.commits.append(committed)
        self._previous = (transaction, len(self._held))
        self._held.clear()
