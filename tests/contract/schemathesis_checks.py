"""What schemathesis is to do besides its own.

Answers are to be documented to the last header and member. And two headers are made to fit the request: an
Idempotency-Key that came before with another body would hide every other mistake behind its 422, and the documented
If-Match, a version that clients here do not have, behind its 412.
"""

from __future__ import annotations

import re
import uuid
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis

from contract.document import Document
from tests.contract.conformance import Contract, Exchange

SOUND_KEY = re.compile("[!-~]{1,255}")


@cache
def contract() -> Contract:
    """The document, read once."""
    return Contract(Document.read())


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Make sound keys new ones, and the documented tag any tag."""
    headers = case.headers
    key, tag = headers.get("Idempotency-Key"), headers.get("If-Match")
    if isinstance(key, str) and SOUND_KEY.fullmatch(key):
        headers["Idempotency-Key"] = f"{key[:200]}-{uuid.uuid4()}"
    if tag == '"7"':
        headers["If-Match"] = "*"


@schemathesis.check
def documented(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
    """Also what schemathesis leaves aside: requests of methods that the document does not have."""
    request = response.request
    url = urlsplit(str(request.url))
    body = request.body or b""
    contract().check(
        Exchange(
            method=str(request.method),
            path=url.path.removeprefix(urlsplit(str(case.operation.base_url)).path.rstrip("/")),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            request_headers={name.lower(): str(value) for name, value in request.headers.items()},
            request_body=body if isinstance(body, bytes) else str(body).encode(),
            status=response.status_code,
            headers={name.lower(): ", ".join(values) for name, values in response.headers.items()},
            body=response.content,
        )
    )
