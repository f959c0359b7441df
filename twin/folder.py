"""The twin's folder: who holds it, what serves from it, and what a crashed twin left behind.

.twin/
    lock            held (flock) by the running twin; its text is the twin's process id, and `keeper` for a kept one
    processes.json  process ids of what the twin started, to end what a killed twin left running
    outputs.json    the stack's outputs; exists only while the twin is ready to serve
    kept            exists while a stack of Pulumi's own lives here, running or not (`twin.plugin`)
    keeper.*        socket and log of the process that keeps such a stack
    pulumi/         the project and the state of such a stack
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

KEEPER = "keeper"
OWN_FILES = frozenset({"outputs.json", "processes.json", "kept", "keeper.sock", "keeper.log"})
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
                    return int((lock.read().split() or ["0"])[0])
        except FileNotFoundError:
            pass
        return None

    @property
    def kept(self) -> bool:
        """Whether a stack of Pulumi's own lives here, running or not."""
        return (self.path / "kept").exists()

    def held_by_keeper(self) -> bool:
        """Tell whether who holds this folder keeps a stack in it, or has not yet said what it does."""
        try:
            return (self.path / "lock").read_text("utf-8").split()[1:] == [KEEPER]
        except FileNotFoundError:
            return True

    def acquire(self, *, keeper: bool = False) -> None:
        """Take the folder for this process, and end what a killed twin left running.

        Args:
            keeper: this process keeps a stack here: what is there stays. Else the folder is emptied.

        Raises:
            FolderError: another twin holds it, or a stack is kept there; it cannot be written; the disk is nearly full.
        """
        self._lock = self._locked()
        keep = keeper and self.kept
        try:
            self._refuse_kept(keeper)
            self._lock.truncate(0)
            self._lock.write(f"{os.getpid()} {KEEPER if keeper else ''}".strip())
            self._lock.flush()
            self._end_leftovers()
            self._empty(keep=keep, keeper=keeper)
            self._check_space()
            self.data.mkdir(exist_ok=True)
            if keeper:
                (self.path / "kept").touch()
        except OSError as error:
            self.release(keep=keep)
            raise FolderError(f"The folder {self.path} cannot be used: {error.strerror}.") from error
        except FolderError:
            self.release(keep=self.kept)
            raise

    def _locked(self) -> IO[str]:
        while True:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                lock = (self.path / "lock").open("a+", encoding="utf-8")
            except OSError as error:
                raise FolderError(
                    f"The folder {self.path} cannot be used: {error.strerror}. Make it writable."
                ) from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_lock(lock):
                    return lock
            except BlockingIOError:
                lock.seek(0)
                pid = lock.read().partition(" ")[0]
                lock.close()
                raise FolderError(
                    f"A twin is already running in {self.path} (process {pid}). "
                    "Use it (`make status`) or stop it (`make down`)."
                ) from None
            lock.close()  # of a twin that was just giving the folder back

    def intact(self) -> bool:
        """Tell whether the folder that this process took is still there, and not another one of its name."""
        return self._lock is not None and self._is_lock(self._lock)

    def _is_lock(self, lock: IO[str]) -> bool:
        try:
            return (self.path / "lock").stat().st_ino == os.fstat(lock.fileno()).st_ino
        except FileNotFoundError:
            return False

    def _refuse_kept(self, keeper: bool) -> None:
        if self.kept and not keeper:
            raise FolderError(
                f"The folder {self.path} keeps a stack that `make local` made. `make local` brings it up again; "
                "`make down` removes it, data and all."
            )

    def release(self, *, keep: bool = False) -> None:
        """Give the folder back, with what is kept in it or empty. Safe to repeat."""
        if self._lock is None:
            return
        if self.intact():
            self._empty(keep=keep)
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

    def _empty(self, *, keep: bool = False, keeper: bool = False) -> None:
        spared = {*(("kept",) if keep else ()), *(("keeper.log",) if keep or keeper else ())}
        for path in self.path.iterdir():
            if path.name in OWN_FILES - spared or path.name.endswith(".draft"):
                path.unlink(missing_ok=True)
        if keep:
            return
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
