"""The whole change capture: from the log into Kinesis, until it has taken all records."""

from __future__ import annotations

from collections.abc import Sequence

from bench.readers.records import capture, pipe, spec
from bench.readers.tally import Read, Setting, Tally
from twin.capture.assembly import make_sink
from twin.capture.lane import Ticket
from twin.capture.record import Record

_CLOSE_S = 10.0


def reader(setting: Setting) -> Read:
    """Make records, and put them into the stream, one call in flight."""
    document = spec(setting)

    def read(slot: str, tally: Tally) -> None:
        with pipe() as (wake, woken):
            sink = make_sink(document, 1, woken, lambda events: tally.count(len(events)))
            submit = sink.submit

            def named(records: Sequence[Record], ticket: Ticket) -> None:
                # A lane tells of the events of a batch, which only a task that is traced collects.
                ticket.events = [""] * len(records)
                submit(records, ticket)

            sink.submit = named  # type: ignore[method-assign]
            try:
                capture(document, slot, sink, wake, tally.done)
            finally:
                sink.close(_CLOSE_S)

    return read
