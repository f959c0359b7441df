"""PostgreSQL as it is on AWS: TLS only, a password in clear text inside it, and faults when a test asks for them.

Stands in front of a real server without TLS. It asks the client for its password the way RDS does
(AuthenticationCleartextPassword), lets `accepts` decide, logs in to the real server itself, and from then on passes
messages on, counting the client's. Source: "Frontend/Backend Protocol" (PostgreSQL documentation).
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.edges.front import Front, first_of
from tests.edges.scram import Scram
from twin.servers.postgres import PostgresServer

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
# Kinds of authentication, by the protocol's numbers.
CLEARTEXT, SASL, SASL_CONTINUE, SASL_FINAL, OK = 3, 10, 11, 12, 0

# What happens to the next query: it never arrives; it is carried out and its answer lost with the connection; it
# arrives, and no answer ever comes.
Fault = Literal["lose request", "lose answer", "silence"]


class PostgresFront(Front):
    """See the module.

    Args:
        server: the real one.
        context: the certificate to show; None speaks no TLS at all.
        accepts: whether this user may log in with this password.
        password_of: the password that a user has at the real server.

    Attributes:
        passwords: what clients logged in with, in order.
        messages: the client's messages after its login, by type, as in "Q" for a simple query.
        faults: what happens to the next queries, first to last.
        silent_logins: how many of the next connections get no answer to their start-up message.
    """

    def __init__(
        self,
        server: PostgresServer,
        context: ssl.SSLContext | None,
        *,
        accepts: Callable[[str, str], bool],
        password_of: Callable[[str], str],
    ) -> None:
        super().__init__()
        self.server = server
        self._context = context
        self._accepts = accepts
        self._password_of = password_of
        self.passwords: list[str] = []
        self.messages: Counter[str] = Counter()
        self.faults: deque[Fault] = deque()
        self.silent_logins = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last."""
        startup = await self._preamble(reader, writer)
        if startup is None:
            return
        if self.silent_logins:
            self.silent_logins -= 1
            await reader.read()
        user = _parameters(startup)["user"]
        await _send(writer, b"R", struct.pack("!i", CLEARTEXT))
        kind, password = await _receive(reader)
        assert kind == b"p", kind
        self.passwords.append(password.rstrip(b"\0").decode())
        if not self._accepts(user, self.passwords[-1]):
            await _refuse(writer, "28000", f'PAM authentication failed for user "{user}"')
            return
        back_reader, back_writer = await asyncio.open_connection(self.server.host, self.server.port)
        link = _Link(reader, writer, back_reader, back_writer)
        try:
            if await self._log_in(startup, user, link):
                await first_of(self._forth(link), _back(link))
        finally:
            back_writer.transport.abort()

    async def _preamble(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """The start-up message, after TLS was agreed on; None for whoever wants none."""
        encrypted = False
        while True:
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            if code == SSL_REQUEST and self._context is not None:
                writer.write(b"S")
                await writer.start_tls(self._context)
                encrypted = True
            elif code in (SSL_REQUEST, GSS_REQUEST):
                writer.write(b"N")
            else:
                startup = struct.pack("!ii", length, code) + await reader.readexactly(length - 8)
                if encrypted or self._context is None:
                    return startup
                user = _parameters(startup)["user"]
                await _refuse(writer, "28000", f'no pg_hba.conf entry for host, user "{user}", no encryption')
                return None

    async def _log_in(self, startup: bytes, user: str, link: _Link) -> bool:
        """Log in to the real server; its refusal goes to the client."""
        link.back_writer.write(startup)
        scram = Scram(self._password_of(user))
        while True:
            kind, body = await _receive(link.back_reader)
            if kind == b"E":
                await _send(link.writer, kind, body)
                return False
            code = struct.unpack("!i", body[:4])[0]
            if code == SASL:
                first = scram.first()
                await _send(link.back_writer, b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
            elif code == SASL_CONTINUE:
                await _send(link.back_writer, b"p", scram.final(body[4:]))
            elif code == OK:
                await _send(link.writer, kind, body)
                return True
            else:
                assert code == SASL_FINAL, code

    async def _forth(self, link: _Link) -> None:
        while True:
            kind, body = await _receive(link.reader)
            self.messages[kind.decode()] += 1
            fault = self.faults.popleft() if kind == b"Q" and self.faults else None
            if fault == "lose request":
                return
            link.withheld = fault is not None
            await _send(link.back_writer, kind, body)
            if fault == "lose answer":
                await link.answered.wait()
                return


@dataclass
class _Link:
    """A client's connection and the one to the real server; `withheld` answers do not reach the client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    back_reader: asyncio.StreamReader
    back_writer: asyncio.StreamWriter
    withheld: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


async def _back(link: _Link) -> None:
    while True:
        kind, body = await _receive(link.back_reader)
        if not link.withheld:
            await _send(link.writer, kind, body)
        elif kind == b"Z":  # ReadyForQuery: the transaction is over
            link.answered.set()


async def _receive(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    return kind, await reader.readexactly(length - 4)


async def _send(writer: asyncio.StreamWriter, kind: bytes, body: bytes) -> None:
    writer.write(kind + struct.pack("!i", len(body) + 4) + body)
    await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, sqlstate: str, message: str) -> None:
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}
    await _send(writer, b"E", b"".join(f"{name}{text}\0".encode() for name, text in fields.items()) + b"\0")


def _parameters(startup: bytes) -> dict[str, str]:
    parts = startup[8:].rstrip(b"\0").decode().split("\0")
    return dict(zip(parts[::2], parts[1::2], strict=True))
