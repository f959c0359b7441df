"""How the plugin's processes and commands talk to the keeper: lines of JSON over a socket in the twin's folder.

Only the standard library is imported here: a plugin's process has to be up in
milliseconds, and starts for each provider of each run.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOCKET = "keeper.sock"
LIMIT = 1 << 24
# Put before other folders in PYTHONPATH for what `make local` starts; the keeper, which stays, does without.
QUICK = str(Path(__file__).resolve().parent / "quick")


class Line:
    """One connection: lines out, lines in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")

    def send(self, document: dict[str, Any]) -> None:
        """Send one line."""
        self._connection.sendall(json.dumps(document).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """Wait for a line; None when the other side has hung up."""
        text = self._reader.readline(LIMIT)
        document: dict[str, Any] | None = json.loads(text) if text.endswith(b"\n") else None
        return document

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._connection.close()


def dial(folder: Path) -> Line:
    """Connect to the keeper of a folder.

    Raises:
        OSError: there is none (FileNotFoundError, ConnectionRefusedError), or the folder cannot be entered.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short(folder) as path:
            connection.connect(path)
    except OSError:
        connection.close()
        raise
    return Line(connection)


def listen(folder: Path) -> socket.socket:
    """Take connections in a folder; an old socket there is replaced, and only the folder's owner may connect.

    Raises:
        OSError: the folder cannot be written.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    (folder / SOCKET).unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with short(folder) as path:
            listener.bind(path)
    finally:
        os.umask(before)
    listener.listen()
    return listener


@contextmanager
def short(folder: Path) -> Iterator[str]:
    """Name the socket by less than the 107 bytes that the system takes, however deep the folder lies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def fingerprint(code: Path) -> str:
    """Tell one state of the twin's own code from another, by number and newest time of its files."""
    times = [
        os.stat(os.path.join(where, name)).st_mtime_ns  # noqa: PTH116, PTH118 - a tenth of the time
        for where, _, names in os.walk(code)
        for name in names
        if name.endswith(".py")
    ]
    return f"{len(times)}-{max(times, default=0)}"
