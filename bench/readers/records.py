"""The change capture without Kinesis: from the log to records, which are only counted."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.readers.tally import STREAM, Read, Setting, Tally
from twin.capture.__main__ import SWITCH_S
from twin.capture.assembly import make_policies, make_writer
from twin.capture.changes import Changes
from twin.capture.checkpoint import Progress
from twin.capture.lane import Ticket
from twin.capture.record import Record, RecordWriter
from twin.capture.source import connection
from twin.capture.spec import Spec, parse_spec
from twin.capture.stream import Stream


class Counter:
    """Takes records like a Kinesis that takes everything at once."""

    is_full = False
    is_hungry = False

    def __init__(self, count: Callable[[Sequence[Record]], None]) -> None:
        self._count = count

    def submit(self, records: Sequence[Record], ticket: Ticket) -> None:
        """Hand the records on; the ticket is done, as nothing is pending."""
        self._count(records)

    def check(self) -> None:
        """Nothing can fail."""


def reader(setting: Setting) -> Read:
    """Make records, and count them."""

    def read(slot: str, tally: Tally) -> None:
        with pipe() as (wake, _):
            sink = Counter(lambda records: tally.count(len(records)))
            capture(spec(setting), slot, sink, wake, tally.done)

    return read


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The pipe by which a sink wakes the capture: read end and write end."""
    ends = os.pipe2(os.O_NONBLOCK)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def capture(spec: Spec, slot: str, sink: Any, wake: int, stop: threading.Event) -> None:
    """Run the capture's own loop until stopped."""
    sys.setswitchinterval(SWITCH_S)
    policies = make_policies(spec, Progress("cdc", slot, ""))

    def lookup(schema: str, table: str) -> RecordWriter | None:
        with connection(spec.source) as opened, opened.cursor() as cursor:
            return make_writer(spec, policies, cursor, schema, table)

    Stream(spec.source, slot, Changes(lookup, policies), sink, wake=wake, stop=stop).run()


def spec(setting: Setting) -> Spec:
    """The document of a task that captures the outbox, keyed by client."""
    rule = {"rule-id": "1", "rule-name": "1", "object-locator": {"schema-name": "public", "table-name": "outbox"}}
    key = {"partition-key-type": "attribute-name", "partition-key-name": "aggregate_id"}
    rules = [
        {**rule, "rule-type": "selection", "rule-action": "include"},
        {
            **rule, "rule-id": "2", "rule-name": "2", "rule-type": "object-mapping",
            "rule-action": "map-record-to-record", "mapping-parameters": key,
        },
    ]  # fmt: skip
    return parse_spec(
        {
            "task_id": "bench",
            "resource_identifier": "bench",
            "migration_type": "cdc",
            "table_mappings": {"rules": rules},
            "source": {**setting.source, "postgres_settings": {"capture_ddls": False}},
            "target": {"stream_arn": f"arn:aws:kinesis:{setting.aws['region']}:000000000000:stream/{STREAM}"},
            "aws": setting.aws,
            "folder": tempfile.gettempdir(),
        }
    )
