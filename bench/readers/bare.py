"""The bare log reader of psycopg2: one message after the other, only counted."""

from __future__ import annotations

import contextlib
import select
from typing import Any

import psycopg2
from psycopg2.extras import LogicalReplicationConnection

from bench.readers.tally import Read, Setting, Tally

OPTIONS = {"include-timestamp": "on", "skip-empty-xacts": "on"}
_PATIENCE_S = 10.0


def reader(setting: Setting) -> Read:
    """Read with psycopg2 alone."""
    source = setting.source

    def read(slot: str, tally: Tally) -> None:
        opened = psycopg2.connect(
            host=source["host"], port=source["port"], dbname=source["database"], user=source["username"],
            password=source["password"], connection_factory=LogicalReplicationConnection,
        )  # fmt: skip
        with contextlib.closing(opened):
            cursor = opened.cursor()
            cursor.start_replication(slot_name=slot, options=OPTIONS, decode=False)
            for rows in (1, setting.rows - 1):
                _pass(opened, cursor, rows)
                tally.count(rows)

    return read


def _pass(opened: Any, cursor: Any, rows: int) -> None:
    while rows:
        message = cursor.read_message()
        if message is None:
            if not select.select([opened], [], [], _PATIENCE_S)[0]:
                raise TimeoutError(f"{rows} rows did not come.")
        elif message.payload[0] == ord("t"):
            rows -= 1
