"""Keeps a set of local processes alive.

A process of the twin may be killed at any time, by a fault test or by the
system. The supervisor notices within milliseconds (it waits on the children,
it does not poll them) and starts it again, with a growing pause if it keeps
dying, so that every part of the twin may simply crash when it cannot go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from twin.errors import ProcessError
from twin.process import Process

RESTART_PAUSE_MIN_S = 0.1
RESTART_PAUSE_MAX_S = 5.0
STABLE_AFTER_S = 10.0
STOPPED_POLL_S = 0.05


class Supervisor:
    """Keeps processes alive until they are removed or the supervisor is stopped.

    Args:
        on_restart: called with the name and exit code of a process that died and is started again.
        on_end: called with a process that ended with one of its final codes and stays down.
    """

    def __init__(
        self,
        on_restart: Callable[[str, int], None] | None = None,
        on_end: Callable[[Process, int], None] | None = None,
    ) -> None:
        self._processes: dict[str, Process] = {}
        self._on_restart = on_restart
        self._on_end = on_end
        self._lock = threading.RLock()
        self._stopping = threading.Event()

    @property
    def processes(self) -> dict[str, Process]:
        """The processes by name, in the order in which they were added."""
        with self._lock:
            return dict(self._processes)

    def add(self, process: Process) -> None:
        """Start a process, wait until it is ready, and keep it alive from then on.

        A process of the same name is stopped and replaced.

        Raises:
            ProcessError: it did not become ready, or the supervisor is stopping.
        """
        if self._stopping.is_set():
            raise ProcessError(f"{process.name} is not started: the twin is stopping.")
        self.remove(process.name)
        process.start()
        with self._lock:
            self._processes[process.name] = process
        if process.restarts:
            threading.Thread(target=self._keep, args=(process,), name=f"keep-{process.name}", daemon=True).start()

    def remove(self, name: str) -> None:
        """Stop a process and forget it; does nothing for an unknown name."""
        with self._lock:
            process = self._processes.pop(name, None)
        if process is not None:
            process.stop()

    def stop(self) -> None:
        """Stop all processes, the last added first. Safe to repeat."""
        self._stopping.set()
        with self._lock:
            processes = list(self._processes.values())
            self._processes.clear()
        for process in reversed(processes):
            process.stop()

    def _keep(self, process: Process) -> None:
        pause_s = RESTART_PAUSE_MIN_S
        while True:
            started = time.monotonic()
            code = process.wait()
            if self._is_over(process):
                return
            # In this order: once it is wanted, the process that was started is there to be seen.
            if not process.wanted:  # stopped on purpose: who did it may start it again
                self._stopping.wait(STOPPED_POLL_S)
                continue
            if process.running:  # restarted by whoever stopped it
                continue
            if code in process.final_codes:
                if self._on_end is not None:
                    self._on_end(process, code)
                return
            if time.monotonic() - started > STABLE_AFTER_S:
                pause_s = RESTART_PAUSE_MIN_S
            if self._on_restart is not None:
                self._on_restart(process.name, code)
            pause_s = self._revive(process, pause_s)

    def _revive(self, process: Process, pause_s: float) -> float:
        """Start a process until it stays up and give the pause for the next time."""
        while True:
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, RESTART_PAUSE_MAX_S)
            if self._is_over(process):
                return pause_s
            try:
                process.start()
            except ProcessError as error:
                # Tried again: what it needs (a server that restarts as well) may be back by then.
                with process.log.open("a", encoding="utf-8") as log:
                    log.write(f"restart failed: {error}\n")
            else:
                return pause_s

    def _is_over(self, process: Process) -> bool:
        if self._stopping.is_set():
            return True
        with self._lock:
            return self._processes.get(process.name) is not process
