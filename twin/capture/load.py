"""The full load: the rows that a table had when the slot began, as records with operation load."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import new_type, register_type

from twin.capture.errors import RecordError
from twin.capture.lane import Ticket
from twin.capture.policies import Policies
from twin.capture.record import Record, RecordWriter, timestamp
from twin.capture.sink import KinesisSink
from twin.tracing import Tracer

log = logging.getLogger(__name__)

CHUNK_ROWS = 500
FETCH_ROWS = 5_000
_POLL_S = 0.01


class FullLoad:
    """Sends whole tables.

    Args:
        sink: takes the records.
        policies: decide about rows that cannot be written.
        trace: told of rows read; their commit times are not known (null).
        stop: ends the load early.
    """

    def __init__(self, sink: KinesisSink, policies: Policies, trace: Tracer, stop: threading.Event) -> None:
        self._sink = sink
        self._policies = policies
        self._trace = trace
        self._stop = stop
        self._tickets: list[Ticket] = []

    def table(self, opened: Any, writer: RecordWriter) -> None:
        """Send all rows of a table, as the connection's snapshot sees them.

        Raises:
            CaptureError: a policy stops the task, or Kinesis is given up.
        """
        table = writer.table
        query = sql.SQL("select {} from {}").format(
            sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns),
            sql.Identifier(table.schema, table.name),
        )
        with opened.cursor() as probe:
            probe.execute(sql.SQL("{} limit 0").format(query))
            types = tuple({column.type_code for column in probe.description})
        sent = 0
        with opened.cursor(name="full_load") as cursor:
            # The log gives the text of each value; so shall the query, with no conversion in between.
            register_type(new_type(types, "TEXT_OF_ANY", lambda value, _: value), cursor)
            cursor.itersize = FETCH_ROWS
            cursor.execute(query)
            while not self._stop.is_set() and not self._policies.is_suspended(table.schema, table.name):
                rows = cursor.fetchmany(CHUNK_ROWS)
                if not rows:
                    break
                sent += self._send(writer, rows)
        log.info("Full load of %s: %d rows", table.sql_name, sent)

    def _send(self, writer: RecordWriter, rows: Sequence[tuple[str | None, ...]]) -> int:
        now = timestamp(time.time())
        records: list[Record] = []
        events: list[str] = []
        for row in rows:
            try:
                records.append(writer.write("load", row, None, now))
            except RecordError as error:
                self._policies.handle(error, writer.table.schema, writer.table.name)
                continue
            events.append(writer.event(row))
        self._trace.hop("log", events, commits=[None] * len(events))
        ticket = Ticket(0, events)
        self._sink.submit(records, ticket)
        self._tickets = [*(open_ for open_ in self._tickets if not open_.done), ticket]
        while self._sink.is_full and not self._stop.is_set():
            self._sink.check()
            self._stop.wait(_POLL_S)
        return len(records)

    def wait(self) -> None:
        """Wait until Kinesis has taken everything, or the task is to stop.

        Raises:
            CaptureError: Kinesis is given up.
        """
        while not self._stop.is_set() and any(not ticket.done for ticket in self._tickets):
            self._sink.check()
            self._stop.wait(_POLL_S)
