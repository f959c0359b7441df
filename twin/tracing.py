"""Trace lines on standard output: which events passed a hop of the flow, and when.

One JSON object a line: `{"hop": name, "at": unix seconds, "events": [outbox ids], ...}`. They are written only if
the environment variable TWIN_TRACE is 1; the line `{"hop":"ready"}` always is.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, TextIO

VARIABLE = "TWIN_TRACE"


class Tracer:
    """Writes trace lines, whole lines also from several threads.

    Args:
        enabled: whether hops are written; by default as TWIN_TRACE says.
        stream: where to; by default standard output.
    """

    def __init__(self, enabled: bool | None = None, stream: TextIO | None = None) -> None:
        self.enabled = os.environ.get(VARIABLE) == "1" if enabled is None else enabled
        self._stream = stream if stream is not None else sys.stdout
        self._lock = threading.Lock()
        self._is_ready = False

    def ready(self) -> None:
        """Say, once, that the process is able to work."""
        if not self._is_ready:
            self._is_ready = True
            self._write({"hop": "ready"})

    def hop(self, name: str, events: Iterable[str], *, at: float | None = None, **extra: Any) -> None:
        """Say that events passed a hop; call it only if `enabled`, for collecting the ids costs time."""
        if self.enabled:
            self._write({"hop": name, "at": time.time() if at is None else at, "events": list(events), **extra})

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self._lock:
            self._stream.write(text)
            self._stream.flush()


def outbox_id(document: Any) -> str | None:
    """Give the outbox id in a change record `{"data": {"id": ...}, ...}`, if it has one."""
    row = document.get("data") if isinstance(document, dict) else None
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else None
