"""One local process of the twin: started, made ready, stopped, killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from twin.errors import ProcessError

READY_POLL_S = 0.02
LOG_TAIL_LINES = 15

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: in the child only async-signal-safe work is allowed.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

# The kernel takes the *thread* that forked for the parent: a child born on a thread of some pool
# would be ended with that thread. So all children are born on one thread that lives as long as we do.
_births = ThreadPoolExecutor(max_workers=1, thread_name_prefix="births")


def _die_with_parent(number: signal.Signals) -> None:
    # A parent that is killed -9 cannot stop its children: the kernel does it.
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, number)


class Process:
    """One child process with its log file, readiness check and restarts.

    Args:
        name: short name, unique in a supervisor; used in messages.
        argv: program and arguments.
        env: the whole environment; None takes over the current one.
        cwd: working directory.
        log: file that standard error (and, without `on_line`, standard output) is appended to.
        user: account to run as; needs root. None keeps the current one.
        ready: called every 20 ms until it answers True; None means ready at once.
        ready_timeout_s: seconds until a process that is not ready counts as failed.
        restart: whether the supervisor starts it again when it dies.
        on_line: called with each line of standard output (without its end), on a thread of its own.
        stop_signal: signal that asks the process to end in an orderly way.
        final_codes: exit codes by which the process says that starting it again would not help.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        ready: Callable[[], bool] | None = None,
        ready_timeout_s: float = 30.0,
        restart: bool = True,
        on_line: Callable[[str], None] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        final_codes: Collection[int] = (),
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.restarts = restart
        self.final_codes = frozenset(final_codes)
        self.log = log
        self._env = None if env is None else dict(env)
        self._cwd = cwd
        self._user = user
        self._ready = ready
        self._ready_timeout_s = ready_timeout_s
        self._on_line = on_line
        self._stop_signal = stop_signal
        self._popen: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lock = threading.RLock()
        self._wanted = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        popen = self._popen
        return popen.pid if popen is not None and popen.poll() is None else None

    @property
    def running(self) -> bool:
        """Whether the process exists."""
        return self.pid is not None

    @property
    def wanted(self) -> bool:
        """Whether it was started and not yet stopped: a dead process that is wanted is to be restarted."""
        return self._wanted

    @property
    def gave_up(self) -> bool:
        """Whether it ended by itself with one of its final codes."""
        popen = self._popen
        return self._wanted and popen is not None and popen.poll() in self.final_codes

    def start(self) -> None:
        """Start the process and wait until it is ready; does nothing when it runs.

        Raises:
            ProcessError: it cannot be executed, ends before it is ready, or is not ready in time.
        """
        with self._lock:
            if self.running:
                return
            self._spawn()
            # Not before: whoever sees it wanted and not running takes it for dead.
            self._wanted = True
            try:
                self._wait_until_ready()
            except ProcessError:
                self._wanted = False
                self._end(grace_s=2.0)
                raise

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("ab") as log:
                self._popen = _births.submit(
                    subprocess.Popen,
                    self.argv,
                    env=self._env,
                    cwd=self._cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._on_line else log,
                    stderr=log,
                    user=self._user,
                    # A session of its own: Ctrl-C in the terminal reaches the supervisor only,
                    # which then stops everything in the right order.
                    start_new_session=True,
                    preexec_fn=partial(_die_with_parent, self._stop_signal),
                ).result()
        except OSError as error:
            self._wanted = False
            raise ProcessError(f"Cannot start {self.name} ({self.argv[0]}): {error.strerror or error}.") from error
        if self._on_line is not None:
            self._reader = threading.Thread(
                target=self._read_lines,
                args=(self._popen, self._on_line),
                name=f"{self.name}-lines",
                daemon=True,
            )
            self._reader.start()

    @staticmethod
    def _read_lines(popen: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> None:
        if popen.stdout is None:
            return
        with popen.stdout as lines:
            for line in lines:
                on_line(line.decode("utf-8", "replace").rstrip("\r\n"))

    def _wait_until_ready(self) -> None:
        if self._ready is None:
            return
        deadline = time.monotonic() + self._ready_timeout_s
        while not self._ready():
            if not self.running:
                code = self._popen.returncode if self._popen is not None else None
                raise ProcessError(f"{self.name} ended with exit code {code} before it was ready.{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready after {self._ready_timeout_s:.0f} s.{self.log_tail()}")
            time.sleep(READY_POLL_S)

    def log_tail(self) -> str:
        """Last lines of the log, led by its path, for an error message; empty if there are none."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]
        except OSError:
            return ""
        if not lines:
            return f" Its log {self.log} is empty."
        return f" The end of its log {self.log}:\n" + "\n".join("  " + line for line in lines)

    def stop(self, grace_s: float = 10.0) -> None:
        """End the process and wait for it: first asked, after `grace_s` seconds killed. Safe to repeat."""
        self._wanted = False
        with self._lock:
            self._end(grace_s)

    def _end(self, grace_s: float) -> None:
        popen = self._popen
        if popen is None:
            return
        if popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                popen.send_signal(self._stop_signal)
            try:
                popen.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._signal_session(popen.pid, signal.SIGKILL)
                popen.wait()
        # What the process itself started and left behind shares its session.
        self._signal_session(popen.pid, signal.SIGKILL)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(timeout=2.0)

    @staticmethod
    def _signal_session(pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)

    def kill(self) -> None:
        """Kill the process at once (SIGKILL) without marking it unwanted: what a crash looks like."""
        popen = self._popen
        if popen is not None and popen.poll() is None:
            popen.kill()
            popen.wait()

    def restart(self) -> None:
        """Stop and start again; returns when it is ready.

        Raises:
            ProcessError: as `start`.
        """
        with self._lock:
            self.stop()
            self.start()

    def wait(self) -> int:
        """Block until the process ends and give its exit code (negative: the signal that ended it)."""
        popen = self._popen
        return popen.wait() if popen is not None else 0
