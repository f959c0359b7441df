"""Every HTTP exchange of a test run with one API is compared with openapi.yaml, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import httpx

from contract.document import Document
from tests.contract.conformance import Contract, Exchange


@contextmanager
def checked(api_url: str) -> Iterator[None]:
    """Fail whatever call through httpx has an answer that is not documented, while this is open."""
    contract, base = Contract(Document.read()), httpx.URL(api_url)
    send = httpx.Client.send

    def send_and_check(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(client, request, **options)
        if request.url.netloc == base.netloc and request.url.path.startswith(base.path):
            response.read()
            contract.check(exchange(base, response))
        return response

    with mock.patch.object(httpx.Client, "send", send_and_check):
        yield


def exchange(base: httpx.URL, response: httpx.Response) -> Exchange:
    """A call of the API at `base`, and its answer."""
    request = response.request
    return Exchange(
        method=request.method,
        path=request.url.raw_path.decode().partition("?")[0].removeprefix(base.raw_path.decode().rstrip("/")),
        query=dict(request.url.params),
        request_headers=dict(request.headers),
        request_body=request.read(),
        status=response.status_code,
        headers=dict(response.headers),
        body=response.content,
    )
