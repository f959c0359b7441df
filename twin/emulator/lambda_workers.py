"""Lambda workers that end with the emulator, and answer without waiting for log lines."""

from __future__ import annotations

import ctypes
import functools
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

# ministack waits up to 50 ms after each answer for the handler's first log line. A handler writes its lines
# before its answer, so they are in the pipe by then; a late one shows up with the next invocation.
FIRST_LINE_WAIT_S = 0.002
QUIET_S = 0.001
HARD_CAP_S = 0.05

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: in the child only async-signal-safe work is allowed.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _die_with_emulator() -> None:
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Births(ModuleType):
    """The subprocess module as the Lambda runtime sees it: children are tied to this process.

    Idle workers end at the end of their standard input; a handler that hangs
    would not. The kernel takes the thread that forked for the parent, and
    ministack forks on a thread per invocation, so all children are born on
    one thread that lives as long as the process.
    """

    def __init__(self) -> None:
        super().__init__("subprocess")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-births")

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, *args: Any, **options: Any) -> subprocess.Popen[Any]:  # noqa: N802 - the name it stands in for
        """Start a child that is killed when this process ends."""
        start = functools.partial(subprocess.Popen, *args, preexec_fn=_die_with_emulator, **options)
        return self._thread.submit(start).result()


def tie_workers(lambda_runtime: Any) -> None:
    """Make the workers of ministack's Lambda runtime end when this process ends, however it ends."""
    lambda_runtime.subprocess = _Births()


def shorten_log_wait(lambda_runtime: Any) -> None:
    """Make an invocation that logs nothing answer at once."""
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(
        lambda_runtime.Worker._drain_stderr_bounded,
        first_line_wait=FIRST_LINE_WAIT_S,
        idle_confirm=QUIET_S,
        hard_cap=HARD_CAP_S,
    )
