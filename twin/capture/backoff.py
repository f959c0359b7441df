"""Pauses between tries, growing, and ended at once when the task is asked to stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from twin.aws_errors import pause_s
from twin.capture.errors import StoppedError


@dataclass
class Backoff:
    """One series of failures.

    Args:
        stop: set when the task is to stop; ends a pause.
        first_s: about the first pause, in seconds; each next one is twice as long.
        longest_s: the longest.
        most: failures in a row after which the task stops; -1: never (RecoverableErrorCount).
    """

    stop: threading.Event
    first_s: float
    longest_s: float
    most: int = -1
    failures: int = field(default=0, init=False)

    def pause(self, reason: str) -> None:
        """Wait after a failure.

        Raises:
            StoppedError: there were as many failures as the task settings allow.
        """
        if 0 <= self.most <= self.failures:
            raise StoppedError(f"{reason} The task gives up after {self.most} tries (RecoverableErrorCount).")
        self.failures += 1
        self.stop.wait(pause_s(self.failures, self.first_s, self.longest_s))

    def reset(self) -> None:
        """Forget the failures: something worked."""
        self.failures = 0
