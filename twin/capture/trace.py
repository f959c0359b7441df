"""Lines on standard output: one JSON object each, for whoever measures the flow."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO


class Trace:
    """Writes the lines; with `enabled` off only that the task is ready.

    A line of a hop is {"hop", "at": Unix seconds, "events": [first key column of each row], ...}.
    """

    def __init__(self, enabled: bool, out: TextIO | None = None) -> None:
        self.enabled = enabled
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._is_ready = False

    def hop(self, name: str, events: Sequence[str], **extra: Any) -> None:
        """Tell that rows passed a hop just now; nothing if there are none or tracing is off."""
        if self.enabled and events:
            self._write({"hop": name, "at": time.time(), "events": list(events), **extra})

    def ready(self) -> None:
        """Tell, once, that from now on no change is missed."""
        if not self._is_ready:
            self._is_ready = True
            self._write({"hop": "ready"})

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        with self._lock:
            self._out.write(text)
            self._out.flush()
