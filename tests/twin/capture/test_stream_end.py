"""The server may end the stream in good order; the next stream is read from its first byte on."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from twin.capture import stream as module
from twin.capture.stream import Stream


class Cursor:
    """A replication cursor whose socket is readable and that has no message, as after the server's last word."""

    def __init__(self, stop: threading.Event) -> None:
        self.reads = 0
        self.ends_after: int | None = None
        self._stop = stop

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start_replication(self, **_: object) -> None: ...

    def send_feedback(self, **_: object) -> None: ...

    def read_message(self) -> None:
        self.reads += 1
        if self.ends_after is not None and self.reads > self.ends_after:
            self._stop.set()


def test_an_ended_stream_does_not_end_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    cursor = Cursor(stop)
    ours, theirs = socket.socketpair()
    theirs.send(b"x")  # readable from now on
    wake, other = os.pipe()

    @contextmanager
    def replication(_: object) -> Iterator[Any]:
        yield SimpleNamespace(fileno=ours.fileno, cursor=lambda: cursor)

    monkeypatch.setattr(module, "replication", replication)
    changes = SimpleNamespace(forget=lambda: None, now="", records=[], feed=None, committed=0)
    sink = SimpleNamespace(check=lambda: None, is_full=False, is_hungry=True)
    stream = Stream(None, "slot", changes, sink, wake=wake, stop=stop)  # type: ignore[arg-type]
    try:
        with pytest.raises(psycopg2.OperationalError, match="ended the replication stream"):
            stream.run()
        # The first read of a stream finds nothing yet: that alone must not end it.
        cursor.ends_after = cursor.reads + 2
        stream.run()
        assert stop.is_set()
    finally:
        ours.close()
        theirs.close()
        os.close(wake)
        os.close(other)
