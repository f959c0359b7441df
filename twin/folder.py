"""The twin's folder: who holds it, what serves from it, and what a crashed twin left behind.

.twin/
    lock            held (flock) by the running twin; its text is the twin's process id
    processes.json  process ids of what the twin started, to end what a killed twin left running
    outputs.json    the stack's outputs; exists only while the twin is ready to serve
    data/           everything else: databases, logs, checkpoints, state
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from twin.errors import FolderError

NEEDED_BYTES = 512 * 1024 * 1024


class TwinFolder:
    """A folder that one twin at a time may hold.

    Args:
        path: the folder; made if absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    @property
    def data(self) -> Path:
        """Where everything but the few files above lives."""
        return self.path / "data"

    @property
    def outputs_file(self) -> Path:
        """The stack's outputs as a flat JSON object."""
        return self.path / "outputs.json"

    def holder(self) -> int | None:
        """Process id of the twin that holds this folder, or None."""
        path = self.path / "lock"
        try:
            with path.open("r", encoding="utf-8") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0)
        except FileNotFoundError:
            pass
        return None

    def acquire(self) -> None:
        """Take the folder for this process, end what a killed twin left running, and empty it.

        Raises:
            FolderError: another twin holds it, it cannot be written, or the disk is nearly full.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise FolderError(f"The folder {self.path} cannot be used: {error.strerror}. Make it writable.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read()
            lock.close()
            raise FolderError(
                f"A twin is already running in {self.path} (process {pid}). "
                "Use it (`make status`) or stop it (`make down`)."
            ) from None
        self._lock = lock
        try:
            self._end_leftovers()
            self._empty()
            self._check_space()
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self.data.mkdir()
        except OSError as error:
            self.release()
            raise FolderError(f"The folder {self.path} cannot be used: {error.strerror}.") from error
        except FolderError:
            self.release()
            raise

    def release(self) -> None:
        """Give the folder back, empty. Safe to repeat."""
        if self._lock is None:
            return
        self._empty()
        (self.path / "lock").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None
        with contextlib.suppress(OSError):  # not empty: something of the user's own
            self.path.rmdir()

    def write_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Publish the stack's outputs, whole or not at all, readable by the owner only (they hold a password)."""
        self._write("outputs.json", outputs)

    def withdraw_outputs(self) -> None:
        """Say that the twin no longer serves; does nothing in a folder that another twin holds."""
        if self._lock is not None:
            self.outputs_file.unlink(missing_ok=True)

    def note_processes(self, pids: Mapping[str, int]) -> None:
        """Remember the process ids of what was started, by name."""
        self._write("processes.json", pids)

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        draft = self.path / f".{name}.draft"
        draft.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
        draft.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        draft.replace(self.path / name)

    def outputs(self) -> dict[str, Any] | None:
        """The stack's outputs, or None while no twin serves from here."""
        try:
            outputs: dict[str, Any] = json.loads(self.outputs_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return outputs

    def _end_leftovers(self) -> None:
        try:
            pids: dict[str, int] = json.loads((self.path / "processes.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return
        for pid in pids.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                # Process ids are used again by the system: end it only if it works in this very folder.
                if any(str(self.path) in part for part in process.cmdline()):
                    process.kill()
                    process.wait(5)

    def _empty(self) -> None:
        for path in self.path.iterdir():
            if path.name in {"outputs.json", "processes.json"} or path.name.endswith(".draft"):
                path.unlink(missing_ok=True)
        # Where a server's account cannot reach this folder, the server keeps its data elsewhere (see twin/servers).
        for pointer in self.data.rglob("data-folder"):
            shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.path).free
        if free < NEEDED_BYTES:
            raise FolderError(
                f"The disk of {self.path} has {free // 2**20} MiB left; the twin needs {NEEDED_BYTES // 2**20} MiB. "
                "Free some space and try again."
            )
