"""The functions as the benchmarks call them: in this process, with an environment of their own, and unheard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from twin.servers.valkey import ValkeyServer

# A server that writes nothing to disk: the limit is then the client's and the server's work alone.
IN_MEMORY = {"appendonly": "no"}


def valkey(folder: Path, stack: contextlib.ExitStack) -> ValkeyServer:
    """A server in memory that is gone when the stack is undone, and the environment that leads the functions to it."""
    server = ValkeyServer(folder / "valkey", settings=IN_MEMORY)
    stack.callback(server.remove)
    server.start()
    variables = {"CACHE_HOST": server.host, "CACHE_PORT": str(server.port), "CACHE_TLS": "false", "CACHE_AUTH": "none"}
    stack.enter_context(environment(variables))
    return server


def bare_client(server: ValkeyServer) -> redis.Redis:
    """A client with nothing of our own around it, which gives answers as bytes."""
    return redis.Redis(host=server.host, port=server.port)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process, and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Throw away what the functions log and what metrics they write; writing it is part of their work."""
    from functions.common.telemetry import logger

    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        streams = [
            (handler, handler.setStream(nothing)) for handler in logger.handlers if hasattr(handler, "setStream")
        ]
        try:
            yield
        finally:
            for handler, stream in streams:
                if stream is not None:
                    handler.setStream(stream)
