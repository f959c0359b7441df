"""Every answer that a function gives to API Gateway in a test is compared with openapi.yaml."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from unittest import mock

import pytest

from contract.document import Document
from functions.common.gateway import Request, Response
from tests.contract.conformance import Contract, Exchange


@cache
def contract() -> Contract:
    """The document, read once."""
    return Contract(Document.read())


@pytest.fixture(autouse=True)
def documented() -> Iterator[None]:
    """Fail a test in which a function's answer is not documented."""
    asked = threading.local()
    from_event, to_proxy = Request.from_event, Response.to_proxy

    def remember(event: dict[str, Any]) -> Request:
        asked.event = event
        return from_event(event)

    def check(response: Response) -> dict[str, Any]:
        answer = to_proxy(response)
        # An event without a method and a path is none that API Gateway sends.
        if asked.event.get("httpMethod") and asked.event.get("path"):
            contract().check(exchange(asked.event, answer))
        return answer

    with mock.patch.object(Request, "from_event", remember), mock.patch.object(Response, "to_proxy", check):
        yield


def exchange(event: Mapping[str, Any], answer: Mapping[str, Any]) -> Exchange:
    """A proxy event and its answer."""
    path = str(event["resource"])
    for name, value in (event.get("pathParameters") or {}).items():
        path = path.replace(f"{{{name}}}", value or "-")
    return Exchange(
        method=event["httpMethod"],
        path=path,
        query=event.get("queryStringParameters") or {},
        request_headers=_lower(event.get("headers")),
        request_body=_sent(event),
        status=answer["statusCode"],
        headers=_lower(answer["headers"]),
        body=answer["body"].encode(),
    )


def _sent(event: Mapping[str, Any]) -> bytes:
    body = (event.get("body") or "").encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body
    except ValueError:
        return b""


def _lower(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
