"""What a reader is told, and how its rows are counted."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STREAM = "bench"


@dataclass(frozen=True)
class Setting:
    """What to read.

    Attributes:
        rows: how many rows a slot has.
        source: host, port, database, username and password.
        aws: where the stream is, as in the document of a task.
    """

    rows: int
    source: Mapping[str, Any]
    aws: Mapping[str, Any]


class Tally:
    """Counts rows. The clock runs from the first ones that are handed over to the last, so no start is in it."""

    def __init__(self, rows: int) -> None:
        self.done = threading.Event()
        self._left = rows
        self._timed = 0
        self._begun: tuple[float, float] | None = None
        self._ended = (0.0, 0.0)

    def count(self, rows: int) -> None:
        """Take note of rows that were handed over; sets `done` with the last of them."""
        self._left -= rows
        if self._begun is None:
            self._begun = _clocks()
            self._timed = self._left
        if self._left <= 0:
            self._ended = _clocks()
            self.done.set()

    def measures(self) -> Mapping[str, float]:
        """Rows a second, processor time of this process in us a row, and its greatest memory so far in MB.

        Raises:
            RuntimeError: there were more or fewer rows than there should be.
        """
        if self._left or self._begun is None:
            raise RuntimeError(f"{self._left} rows are missing, or {-self._left} too many.")
        seconds, busy = (ended - begun for begun, ended in zip(self._begun, self._ended, strict=True))
        rows = max(self._timed, 1)
        return {"rate": rows / seconds, "processor": busy * 1e6 / rows, "memory": _peak_mb()}


Read = Callable[[str, Tally], None]
"""Reads all rows of a slot."""


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _peak_mb() -> float:
    # Linux counts in ru_maxrss what the process was before exec, so it is asked otherwise.
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
