"""Requests that nobody sends by accident: raw events of API Gateway, with anything in any place."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# What is known to hurt somewhere: line ends, NUL, half a surrogate, letters that change in length, SQL, templates.
HOSTILE = (
    "\r\nX-Injected: 1", "\n", "\x00", "\ud800", "İ", "ß", "\u202e", "'; drop table orders; --", "' or '1'='1", "%s",
    "%(name)s", "{0}", "{{7*7}}", "${jndi:ldap://x}", "<script>", "$1", "\\", '"', "}:orders", "client:{1}",
    "\r\n*1\r\n", "../../etc/passwd", "%0d%0aX: 1", "null", "NaN", "-0", "9" * 400, "\u0661", "\u2028", "\ufeff", "*",
)  # fmt: skip
TEXT = st.sampled_from(HOSTILE) | st.text(max_size=30)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
NAMES = st.sampled_from(
    ["headers", "body", "path", "id", "authorizer", "principalId", "requestId", "id_client", "products", "id_product",
     "quantity", "name", "email", "price", "min_version"]
)  # fmt: skip
ANY = st.recursive(
    LEAF, lambda one: st.lists(one, max_size=4) | st.dictionaries(NAMES | TEXT, one, max_size=4), max_leaves=10
)  # fmt: skip

HEADERS = st.sampled_from(
    ["Content-Type", "content-type", "Idempotency-Key", "If-Match", "If-None-Match", "traceparent", "Authorization",
     "X-Forwarded-For", "Host"]
)  # fmt: skip
HEADER_VALUES = TEXT | st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "text/plain", "key-1", '"7"', "*", '"1", W/"2"',
     "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"]
)  # fmt: skip
IDS = TEXT | st.integers(-1, 2**64).map(str)
BODIES: st.SearchStrategy[Any] = (
    st.sampled_from([
        '{"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}', '{"name": "a", "email": "a@b"}',
        '{"name": "a", "price": "1.50"}', '{"name": "a"}', "bnVsbA==", "[" * 5000, '{"price": 1e999999999999}',
    ]) | TEXT
)  # fmt: skip

PARTS: dict[str, st.SearchStrategy[Any]] = {
    "path": TEXT | st.sampled_from(["/orders", "/clients/1"]) | ANY,
    "headers": st.dictionaries(HEADERS, HEADER_VALUES, max_size=4) | ANY,
    "multiValueHeaders": st.dictionaries(HEADERS, st.lists(HEADER_VALUES, max_size=3), max_size=4) | ANY,
    "queryStringParameters": st.dictionaries(st.just("min_version"), IDS, max_size=1) | ANY,
    "pathParameters": st.fixed_dictionaries({"id": st.just("1") | IDS}) | ANY,
    "requestContext": st.fixed_dictionaries({}, optional={
        "requestId": TEXT, "path": TEXT | st.sampled_from(["/prod/orders", "/\r\nX: y/orders"]),
        "authorizer": st.fixed_dictionaries({}, optional={"principalId": TEXT}) | ANY,
    }) | ANY,
    "body": BODIES | ANY,
    "isBase64Encoded": st.booleans() | ANY,
}  # fmt: skip


def events(method: str, route: str) -> st.SearchStrategy[Any]:
    """Events of one call: method and route are API Gateway's own, all the rest is anything."""
    return st.fixed_dictionaries({"httpMethod": st.just(method), "resource": st.just(route)}, optional=PARTS)
