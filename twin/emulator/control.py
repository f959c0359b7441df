"""Calls of services that ministack does not run, passed on to the process that does (`twin.control`).

A request says in its signature which service it is for. Only the administrator's are passed on, with the key that
the control service asks for; a function's role has no business there, and is told so.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from twin.emulator.environment import ACCESS_KEY_ID

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

SERVICES = frozenset({"dms", "pipes", "scheduler"})
# Of Lambda, which ministack has, only these are the twin's own.
PATHS = {"lambda": "/2015-03-31/event-source-mappings"}
KEY_HEADER = "x-twin-control"
TIMEOUT_S = 90.0
_CREDENTIAL = re.compile(rb"Credential=([^/]+)/[0-9]{8}/[^/]+/([^/]+)/aws4_request")
_KEPT = (b"x-amz-target", b"content-type")


class Control:
    """The control service, as the emulator reaches it.

    Args:
        port: on loopback.
        key: what it asks for.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def answers(self, scope: Scope) -> bool:
        """Tell whether a request is for one of its services."""
        service = _signature(scope)[1]
        return service in SERVICES or (service in PATHS and scope["path"].startswith(PATHS[service]))

    async def pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request to the control service, and its answer to the caller."""
        body = await _body(receive)
        if _signature(scope)[0] != ACCESS_KEY_ID:
            refusal = {"__type": "AccessDeniedException", "message": "Only the twin's administrator may do this."}
            status, kind, content = 403, b"application/x-amz-json-1.1", json.dumps(refusal).encode()
            error = b"AccessDeniedException"
        else:
            status, kind, error, content = await asyncio.to_thread(self._ask, scope, body)
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
        if error:
            headers.append((b"x-amzn-errortype", error))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _ask(self, scope: Scope, body: bytes) -> tuple[int, bytes, bytes, bytes]:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _KEPT}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            query = scope["query_string"].decode("latin-1")
            url = quote(scope["path"]) + (f"?{query}" if query else "")
            connection.request(scope["method"], url, body, {**headers, KEY_HEADER: self._key})
            answer = connection.getresponse()
            content = answer.read()
            kind, error = answer.getheader("content-type", ""), answer.getheader("x-amzn-errortype", "")
            return answer.status, kind.encode(), error.encode(), content
        except (OSError, http.client.HTTPException) as error:
            document = {
                "__type": "ServiceUnavailable",
                "message": f"The twin's control service does not answer: {error}",
            }
            return 503, b"application/x-amz-json-1.1", b"ServiceUnavailable", json.dumps(document).encode()
        finally:
            connection.close()


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _signature(scope: Scope) -> tuple[str, str]:
    """The access key and the service that the request is signed for; empty texts if it is not signed."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    found = _CREDENTIAL.search(header)
    return (found[1].decode("latin-1"), found[2].decode("latin-1")) if found else ("", "")
