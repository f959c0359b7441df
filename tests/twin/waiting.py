"""Waiting for something to become true, with a deadline instead of a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.02


def until(condition: Callable[[], object], timeout_s: float = 60.0, what: str = "condition") -> None:
    """Return as soon as the condition holds; fail the test after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} not met within {timeout_s:.0f} s"
        time.sleep(POLL_S)
