"""GET /clients/{id} and GET /clients/{id}/orders over fake views."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from functions.common.errors import CacheUnavailable
from functions.common.gateway import answer
from functions.get_client import handler as get_client
from functions.get_client.query import ClientView
from functions.list_orders import handler as list_orders
from functions.list_orders.query import LineView, OrdersView, OrderView
from tests.functions.samples import SECONDS, get, problem

BOB = ClientView('Bob "B" Ünal', "bob@anemailprovider.com", "999999999999.99", SECONDS, 3, 7)
ORDERS = OrdersView(7, (OrderView(12, "3000.00", SECONDS, (LineView(2**63 - 1, "0.01", 3),)),))


class FakeViews:
    """Knows client 1; or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.reads = 0
        self._error = error

    def client(self, id_client: int) -> ClientView | None:
        return BOB if self._read(id_client) else None

    def orders(self, id_client: int) -> OrdersView | None:
        return ORDERS if self._read(id_client) else None

    def _read(self, id_client: int) -> bool:
        self.reads += 1
        if self._error:
            raise self._error
        return id_client == 1


def _get(which: str, id_client: str = "1", query: dict[str, str] | None = None, views: FakeViews | None = None,
         wait_ms: int = 0, **headers: str) -> dict[str, Any]:  # fmt: skip
    source = views or FakeViews()
    path = f"/clients/{id_client}" + ("/orders" if which == "orders" else "")
    event = get(path, id_client, query, **headers)
    if which == "client":
        return answer(event, lambda request: get_client.respond(request, lambda: source, wait_ms))
    return answer(event, lambda request: list_orders.respond(request, lambda: source, wait_ms))


BOTH = pytest.mark.parametrize("which", ["client", "orders"])


def test_a_client_is_answered_with_exact_numbers() -> None:
    response = _get("client")
    assert response["statusCode"] == 200
    assert '"total": 999999999999.99,' in response["body"]
    assert json.loads(response["body"], parse_float=Decimal) == {
        "name": 'Bob "B" Ünal', "email": "bob@anemailprovider.com", "total": Decimal("999999999999.99"),
        "last_purchase": SECONDS, "order_count": 3, "version": 7,
    }  # fmt: skip


def test_a_client_without_an_order_is_answered_with_nulls_and_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    views = FakeViews()
    monkeypatch.setattr(views, "client", lambda _: ClientView("Bob", "bob@anemailprovider.com", "0.00", None, 0, 0))
    monkeypatch.setattr(views, "orders", lambda _: OrdersView(0, ()))
    response = _get("client", views=views)
    assert (response["statusCode"], response["headers"]["ETag"]) == (200, '"0"')
    assert json.loads(response["body"]) == {
        "name": "Bob", "email": "bob@anemailprovider.com", "total": 0, "last_purchase": None, "order_count": 0,
        "version": 0,
    }  # fmt: skip
    response = _get("orders", query={"min_version": "0"}, views=views)
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"id_client": 1, "version": 0, "orders": []})


def test_orders_are_answered_with_exact_numbers() -> None:
    response = _get("orders")
    assert response["statusCode"] == 200
    line = {"id_product": 2**63 - 1, "unit_price": Decimal("0.01"), "quantity": 3}
    assert json.loads(response["body"], parse_float=Decimal) == {
        "id_client": 1, "version": 7,
        "orders": [{"id_order": 12, "total": Decimal(3000), "placed_at": SECONDS, "lines": [line]}],
    }  # fmt: skip


@BOTH
@pytest.mark.parametrize("form", ["{}", "W/{}", '"6", {}', "*", ' "x" , W/{}'])
def test_who_has_the_state_gets_no_body(which: str, form: str) -> None:
    tag = _get(which)["headers"]["ETag"]
    response = _get(which, if_none_match=form.format(tag))
    assert (response["statusCode"], response["body"], response["headers"]["ETag"]) == (304, "", tag)


def test_a_client_is_tagged_with_its_version() -> None:
    assert _get("client")["headers"]["ETag"] == '"7"'


@BOTH
@pytest.mark.parametrize("tag", ['"6"', "7", '"77"', "", '"*"'])
def test_who_has_another_version_gets_the_body(which: str, tag: str) -> None:
    response = _get(which, If_None_Match=tag)
    assert response["statusCode"] == 200


@BOTH
def test_an_unknown_client_is_a_404(which: str) -> None:
    problem(_get(which, "2"), 404)
    problem(_get(which, str(2**63 - 1)), 404)


@BOTH
@pytest.mark.parametrize(
    "id_client", ["0", "-1", "abc", "", "1.0", "1e3", "\u0663", str(2**63), "9" * 500, " 1", "1%20"]
)
def test_a_bad_id_is_a_400(which: str, id_client: str) -> None:
    views = FakeViews()
    document = problem(_get(which, id_client, views=views), 400)
    assert document["errors"][0]["field"] == "id"
    assert views.reads == 0


@BOTH
@pytest.mark.parametrize("version", ["-1", "x", "", "1.5", str(2**63)])
def test_a_bad_min_version_is_a_400(which: str, version: str) -> None:
    assert problem(_get(which, query={"min_version": version}), 400)["errors"][0]["field"] == "min_version"


@BOTH
def test_version_0_of_a_client_not_known_yet_is_a_503_and_no_version_a_404(which: str) -> None:
    problem(_get(which, "2", {"min_version": "0"}), 503)
    problem(_get(which, "2"), 404)


@BOTH
def test_a_version_that_is_there_is_answered_at_once(which: str) -> None:
    views = FakeViews()
    assert _get(which, query={"min_version": "7"}, views=views)["statusCode"] == 200
    assert views.reads == 1


@BOTH
@pytest.mark.parametrize("id_client", ["1", "2"])
def test_a_version_that_does_not_come_is_a_503(which: str, id_client: str) -> None:
    response = _get(which, id_client, {"min_version": "8"}, wait_ms=12)
    problem(response, 503)
    assert response["headers"]["Retry-After"] == "1"


@BOTH
def test_a_cache_that_does_not_answer_is_a_503(which: str) -> None:
    problem(_get(which, views=FakeViews(CacheUnavailable("gone"))), 503)
