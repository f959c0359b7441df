"""Every function behind the API is given any event: an answer always, a problem document for what is wrong, no 500."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.administer import handler as administer
from functions.authorize import handler as authorize
from functions.common.gateway import Request, answer
from functions.get_client import handler as get_client
from functions.get_client.query import ClientView
from functions.list_orders import handler as list_orders
from functions.list_orders.query import OrdersView
from functions.place_order import handler as place_order
from functions.registry import ROUTES
from tests.attack.requests import ANY, HOSTILE, events

Answer = dict[str, Any]


class Accepting:
    """Stores that take every command, and views that know every client."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        done = SimpleNamespace(id_order=1, id_client=1, id_product=1, client_version=1, replayed=False)
        return lambda *_: done

    def client(self, id_client: int) -> ClientView:
        return ClientView("\u202e<b>", "a@b", "1.50", 1, 1, 7)

    def orders(self, id_client: int) -> OrdersView:
        return OrdersView(7, ())


STORE: Any = Accepting()
RESPOND: dict[str, Callable[[Request], Any]] = {
    "place_order": lambda request: place_order.respond(request, lambda: STORE),
    "administer": lambda request: administer.respond(request, lambda: STORE),
    "get_client": lambda request: get_client.respond(request, lambda: STORE, 0),
    "list_orders": lambda request: list_orders.respond(request, lambda: STORE, 0),
}
CALLS = [(method, route, function) for (method, route), (_, function) in ROUTES.items()]
_is_header_value = re.compile(r"[\x20-\x7e]*").fullmatch


def checked(answered: Answer) -> Answer:
    """An answer that API Gateway takes and that cannot be read as more than one."""
    assert answered.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    for name, value in answered["headers"].items():
        assert _is_header_value(value), (name, value)
    assert answered["statusCode"] != 500
    if answered["body"]:
        document = json.loads(answered["body"])
        if answered["statusCode"] >= 400:
            assert answered["headers"]["Content-Type"] == "application/problem+json"
            assert document["status"] == answered["statusCode"]
    # API Gateway decodes the answer as UTF-8.
    json.dumps(answered, ensure_ascii=False).encode()
    return answered


@pytest.mark.parametrize(("method", "route", "function"), CALLS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_event_of_a_call_is_answered(method: str, route: str, function: str, data: st.DataObject) -> None:
    checked(answer(data.draw(events(method, route)), RESPOND[function]))


@pytest.mark.parametrize("function", ["place_order", "get_client", "list_orders"])
@settings(max_examples=30)
@given(event=ANY)
@example(event=None)
@example(event=[])
def test_what_is_no_event_at_all_is_answered(function: str, event: Any) -> None:
    assert checked(answer(event, RESPOND[function]))["statusCode"] in (400, 413, 415, 422)


def test_what_is_no_event_of_the_administrations_routes_is_a_problem() -> None:
    # Wired by mistake, which no caller can do: a 500 that tells nothing, not an exception.
    answered = answer(None, RESPOND["administer"])  # type: ignore[arg-type]
    assert (answered["statusCode"], answered["headers"]["Content-Type"]) == (500, "application/problem+json")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize(("method", "route", "function"), CALLS)
def test_a_hostile_path_starts_no_header(method: str, route: str, function: str, text: str) -> None:
    body = {
        "/orders": '{"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}',
        "/clients": '{"name": "a", "email": "a@b"}',
    }.get(route, '{"name": "a", "price": 1}' if "products" in route else '{"name": "a"}')
    event = {
        "httpMethod": method, "resource": route, "path": route, "body": body, "pathParameters": {"id": "1"},
        "requestContext": {"path": f"/{text}{route}", "requestId": text, "authorizer": {"principalId": text}},
        "headers": {"traceparent": text},
    }  # fmt: skip
    answered = checked(answer(event, RESPOND[function]))
    assert answered["statusCode"] in (200, 201)
    assert re.match(r"/(?!/)", answered["headers"].get("Location", "/x"))


MEMBERS = ("authorizationToken", "methodArn", "headers", "multiValueHeaders", "type")


@settings(max_examples=60)
@given(event=ANY | st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, ANY)))
@example(event=None)
@example(event=[])
def test_the_authorizer_refuses_any_event(event: Any) -> None:
    # Anything else than this very text is a 500 to the caller.
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        authorize.handle(event, None)
    assert type(caught.value) is Exception
