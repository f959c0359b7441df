"""Valkey as it is on AWS: TLS only, an IAM token as password, and faults when a test asks for them.

Stands in front of a real server without TLS and without passwords. It answers AUTH by itself, as `accepts` decides, and
passes all other commands on, if a test asks for it as the user who logged in. Source: "Authenticating with IAM" (Amazon
ElastiCache User Guide).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Literal

from tests.edges.front import Front, first_of, relay
from twin.servers.valkey import ValkeyServer

# What happens to the next command: it never arrives and the connection is gone; it arrives, and no answer ever
# comes; its answer comes only when `release` is called.
Fault = Literal["lose request", "silence", "late answer"]


class ValkeyFront(Front):
    """See the module.

    Args:
        server: the real one.
        context: the certificate to show; None speaks plain text.
        accepts: whether this user may log in with this password; None asks for no login.
        users: the server knows the users, and takes any password of theirs.

    Attributes:
        server: where the next connection leads; another one after a failover.
        context: as given; what the next connection is shown.
        passwords: what clients logged in with, in order.
        commands: names of the commands that were passed on, in order.
        faults: what happens to the next commands, first to last.
        replies: answers given in the server's place to the next commands, as in "-LOADING ...".
    """

    def __init__(
        self,
        server: ValkeyServer,
        context: ssl.SSLContext | None,
        accepts: Callable[[str, str], bool] | None = None,
        *,
        users: bool = False,
    ) -> None:
        super().__init__()
        self.server = server
        self.context = context
        self._accepts = accepts
        self._users = users
        self.passwords: list[str] = []
        self.commands: list[str] = []
        self.faults: deque[Fault] = deque()
        self.replies: deque[str] = deque()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let late answers go."""
        self._loop.call_soon_threadsafe(self._released.set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last."""
        if self.context is not None:
            await writer.start_tls(self.context)
        user = await self._log_in(reader, writer)
        back_reader, back_writer = await asyncio.open_connection(self.server.host, self.server.port)
        try:
            if self._users:
                back_writer.write(f"AUTH {user} any\r\n".encode())
                assert await back_reader.readline() == b"+OK\r\n"
            await first_of(self._forth(reader, writer, back_writer), relay(back_reader, writer))
        finally:
            back_writer.transport.abort()

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """As whom the client logged in; empty if nobody is asked."""
        if self._accepts is None:
            return ""
        while True:
            command, _ = await _command(reader)
            if command[0] != "AUTH":
                writer.write(b"-NOAUTH Authentication required.\r\n")
            else:
                user, password = command[1:]
                self.passwords.append(password)
                if self._accepts(user, password):
                    writer.write(b"+OK\r\n")
                    return user
                writer.write(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
            await writer.drain()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back_writer: asyncio.StreamWriter,
    ) -> None:
        while True:
            command, raw = await _command(reader)
            fault = self.faults.popleft() if self.faults else None
            if fault == "lose request":
                return
            if fault == "silence":
                await reader.read()
                return
            if fault == "late answer":
                await self._released.wait()
            if self.replies:
                writer.write(f"{self.replies.popleft()}\r\n".encode())
                await writer.drain()
                continue
            self.commands.append(command[0])
            back_writer.write(raw)
            await back_writer.drain()


async def _command(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    """One command as an array of bulk strings, and its bytes (RESP)."""
    raw = await reader.readuntil(b"\r\n")
    parts = []
    for _ in range(int(raw[1:])):
        header = await reader.readuntil(b"\r\n")
        value = await reader.readexactly(int(header[1:]) + 2)
        parts.append(value[:-2].decode(errors="replace"))
        raw += header + value
    return parts, raw
