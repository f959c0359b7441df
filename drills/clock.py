"""Run a process of the twin on a clock of its own: `python -m drills.clock SECONDS MODULE [ARGUMENTS]`.

`time.time` of the process goes wrong by so many seconds, half of the time: forward and back again, every second. What
measures a duration is to use a clock that does not jump (`time.monotonic`), which stays as it is.
"""

from __future__ import annotations

import runpy
import sys
import time

PERIOD_S = 1.0


def jumping(offset_s: float) -> None:
    """Replace `time.time` of this process."""
    right = time.time

    def wrong() -> float:
        return right() + (offset_s if int(time.monotonic() / PERIOD_S) % 2 else 0.0)

    time.time = wrong


if __name__ == "__main__":
    jumping(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
