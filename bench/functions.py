"""The functions as the benchmarks call them: in this process, with an environment of their own, and unheard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import redis

from twin.servers.valkey import ValkeyServer

# A server that writes nothing to disk: the limit is then the client's and the server's work alone.
IN_MEMORY = {"appendonly": "no"}


def valkey(folder: Path, stack: contextlib.ExitStack) -> ValkeyServer:
    """A server in memory that is gone when the stack is undone, and the environment that leads the functions to it."""
    server = ValkeyServer(folder / "valkey", settings=IN_MEMORY)
    stack.callback(server.remove)
    server.start()
    lead_to(server, stack)
    return server


def lead_to(server: ValkeyServer, stack: contextlib.ExitStack, *, cluster: bool = False) -> None:
    """The environment that leads the functions to a server, or to the cluster that it is one of."""
    variables = {"CACHE_HOST": server.host, "CACHE_PORT": str(server.port), "CACHE_TLS": "false", "CACHE_AUTH": "none"}
    stack.enter_context(environment({**variables, "CACHE_CLUSTER": str(cluster).lower()}))


def bare_client(server: ValkeyServer) -> redis.Redis:
    """A client with nothing of our own around it, which gives answers as bytes."""
    return redis.Redis(host=server.host, port=server.port)


def gateway_event(method: str, route: str, client: int | None = None, body: str | None = None) -> dict[str, Any]:
    """A request as API Gateway hands it to a function; `client` is the id in the path."""
    path = route.replace("{id}", str(client))
    headers = {"Accept": "application/json", "Host": "shop.example"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None if client is None else {"id": str(client)},
        "stageVariables": None,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "path": f"/prod{path}",
            "stage": "prod",
            "httpMethod": method,
            "authorizer": {"principalId": "orders"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


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
