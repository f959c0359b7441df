"""The comparison with openapi.yaml finds what it is there to find."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contract.document import Document
from tests.contract.conformance import Contract, Exchange
from tests.contract.http import checked

TREE = Document.read().tree
CONTRACT = Contract(Document(TREE))

CLIENT = {"name": "Bob", "email": "b@x", "total": 3000.0, "last_purchase": 1, "order_count": 1, "version": 7}
READ = Exchange(
    method="GET",
    path="/clients/1",
    status=200,
    headers={"content-type": "application/json", "etag": '"7"', "cache-control": "private, no-cache", "x-amzn-x": "1"},
    body=json.dumps(CLIENT).encode(),
)
PLACED = Exchange(
    method="POST",
    path="/orders",
    request_headers={"idempotency-key": "k"},
    request_body=b'{"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}',
    status=201,
    headers={"content-type": "application/json", "location": "/prod/clients/1/orders?min_version=1"},
    body=b'{"message": "Order created successfully!", "id_order": 1, "client_version": 1}',
)


def client(**changes: Any) -> bytes:
    return json.dumps({**CLIENT, **changes}).encode()


@pytest.mark.parametrize("exchange", [READ, PLACED, replace(READ, body=client(last_purchase=None, total=0.01))])
def test_what_is_documented_passes(exchange: Exchange) -> None:
    CONTRACT.check(exchange)


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (replace(READ, status=202), "202 is not documented"),
        (replace(READ, body=client(mail="b@x")), "'mail' was unexpected"),
        (replace(READ, body=json.dumps({**CLIENT, "version": None}).encode()), "None is not of type 'integer'"),
        (replace(READ, body=client(total=float("nan"))), "NaN"),
        (replace(READ, body=client(total="3000.0")), "'3000.0' is not"),
        (replace(READ, body=b'{"name": "Bob"}'), "'email' is a required property"),
        (replace(READ, body=b""), "no JSON"),
        (replace(READ, headers={**READ.headers, "x-secret": "1"}), "header x-secret is not documented"),
        (replace(READ, headers={"content-type": "application/json", "etag": '"7"'}), "header cache-control is missing"),
        (replace(READ, headers={**READ.headers, "etag": "7"}), "etag: "),
        (replace(READ, headers={**READ.headers, "content-type": "text/html"}), "'text/html' is not documented"),
        (replace(READ, status=304), "has a body"),
        (replace(READ, status=404), "'application/json' is not documented"),
        (replace(READ, path="/clients/1/nothing"), "no such call"),
        (replace(READ, method="DELETE"), "no such call"),
        (replace(READ, path="/clients/0"), "Accepted, though id is wrong"),
        (replace(READ, query={"min_version": "1.5"}), "Accepted, though min_version is wrong"),
        (replace(PLACED, request_headers={"idempotency-key": "a b"}), "Accepted, though Idempotency-Key is wrong"),
        (replace(PLACED, request_body=b'{"id_client": 1, "products": []}'), "Accepted, though the request is wrong"),
        (replace(PLACED, request_body=b"{}"), "'products' is a required property"),
    ],
)
def test_what_is_not_documented_is_found(exchange: Exchange, words: str) -> None:
    with pytest.raises(AssertionError, match="is not as openapi") as raised:
        CONTRACT.check(exchange)
    assert words in str(raised.value)


@pytest.mark.parametrize("name", CLIENT)
def test_a_member_that_is_renamed_on_one_side_is_found(name: str) -> None:
    tree = copy.deepcopy(TREE)
    schema = tree["components"]["schemas"]["Client"]
    schema["properties"]["renamed"] = schema["properties"].pop(name)
    assert list(Contract(Document(tree)).deviations(READ))


def test_calls_through_httpx_are_compared() -> None:
    body = client(renamed=1)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=READ.headers, content=body))
    with httpx.Client(transport=transport) as http, checked("http://api.example/prod"):
        with pytest.raises(AssertionError, match="'renamed' was unexpected"):
            http.get("http://api.example/prod/clients/1")
        http.get("http://other.example/prod/clients/1")
