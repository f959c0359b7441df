"""The connection to the server stays up while nothing can be sent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import psycopg2
import pytest

from tests.twin.capture.conftest import Database, until
from tests.twin.capture.documents import spec_document
from twin.capture.changes import Changes
from twin.capture.lane import Ticket
from twin.capture.policies import Policies
from twin.capture.record import Record
from twin.capture.settings import TaskSettings
from twin.capture.slot import create_slot
from twin.capture.source import replication
from twin.capture.spec import parse_spec
from twin.capture.stream import Stream


class Sink:
    """Takes nothing more while it is full."""

    is_hungry = True

    def __init__(self, full: bool) -> None:
        self.is_full = full

    def submit(self, records: Sequence[Record], ticket: Ticket) -> None:
        raise AssertionError("nothing was to be sent")

    def check(self) -> None:
        return


@pytest.mark.parametrize("full", [True, False])
def test_the_server_does_not_drop_a_reader_that_waits(source: Database, full: bool) -> None:
    source.execute(f"alter database {source.name} set wal_sender_timeout = '1s'")
    spec = parse_spec(spec_document(source__port=source.server.port, source__database=source.name))
    with replication(spec.source) as opened:
        create_slot(opened, "patient")
    if full:
        source.place(1, 100)
    stop = threading.Event()
    failures: list[Exception] = []
    reader, writer = os.pipe2(os.O_NONBLOCK)
    stream = Stream(
        spec.source, "patient", Changes(lambda *_: None, Policies(TaskSettings())), Sink(full),
        wake=reader, stop=stop, silent_s=1.0,
    )  # fmt: skip

    def run() -> None:
        try:
            stream.run()
        except psycopg2.Error as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        pid = until(lambda: (slot := source.slot()) and slot["pid"], "the reader")
        end = time.monotonic() + 3
        until(lambda: time.monotonic() > end or failures, "three times the timeout")
        slot = source.slot()
        assert failures == []
        assert slot is not None
        assert slot["pid"] == pid
    finally:
        stop.set()
        os.write(writer, b"x")
        thread.join(20)
        os.close(reader)
        os.close(writer)
