"""POST /orders over a fake store: what is accepted, what is refused and how, and that nothing refused is stored."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.common.gateway import answer
from functions.common.telemetry import logger
from functions.place_order.command import Line, Placed, PlaceOrder, request_hash
from functions.place_order.errors import (
    ClientTotalTooLarge,
    KeyReused,
    OrderRefused,
    OrderTooLarge,
    UnknownClient,
    UnknownProducts,
)
from functions.place_order.handler import respond
from tests.functions.samples import ORDER, post_order, problem


class FakeOrders:
    """Remembers what was placed, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.placed: list[PlaceOrder] = []
        self.keys: list[str] = []
        self._error = error

    def place(self, key: str, request_hash: str, command: PlaceOrder) -> Placed:
        self.keys.append(key)
        if self._error:
            raise self._error
        self.placed.append(command)
        return Placed(41, 7, False)


def _post(event: dict[str, Any], store: FakeOrders | None = None) -> dict[str, Any]:
    orders = store or FakeOrders()
    return answer(event, lambda request: respond(request, lambda: orders))


def _refused(event: dict[str, Any], status: int) -> dict[str, Any]:
    store = FakeOrders()
    document = problem(_post(event, store), status)
    assert store.placed == []
    return document


def test_an_order_is_placed_and_answered_with_its_id_and_version() -> None:
    store = FakeOrders()
    response = _post(post_order(), store)
    assert response["statusCode"] == 201
    assert json.loads(response["body"]) == {
        "message": "Order created successfully!",
        "id_order": 41,
        "client_version": 7,
    }
    assert response["headers"]["Location"] == "/prod/clients/1/orders?min_version=7"
    assert response["headers"]["Content-Type"] == "application/json"
    assert store.placed == [PlaceOrder("demo", 1, (Line(1, 1), Line(2, 3)))]


def test_location_has_no_stage_where_the_api_has_none() -> None:
    event = post_order()
    event["requestContext"]["path"] = "/orders"
    assert _post(event)["headers"]["Location"].startswith("/clients/1/")


LINE = {"id_product": 1, "quantity": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("null", ""), ("[]", ""), ("3", ""), ('"text"', ""), ({}, "id_client"),
        ({"id_client": 1}, "products"),
        ({"id_client": 0, "products": [LINE]}, "id_client"),
        ({"id_client": -1, "products": [LINE]}, "id_client"),
        ({"id_client": 2**63, "products": [LINE]}, "id_client"),
        ({"id_client": 10**400, "products": [LINE]}, "id_client"),
        ({"id_client": "1", "products": [LINE]}, "id_client"),
        ({"id_client": True, "products": [LINE]}, "id_client"),
        ({"id_client": 1.0, "products": [LINE]}, "id_client"),
        ('{"id_client": 1e400, "products": []}', "id_client"),
        ({"id_client": None, "products": [LINE]}, "id_client"),
        ({"id_client": 1, "products": []}, "products"),
        ({"id_client": 1, "products": {}}, "products"),
        ({"id_client": 1, "products": None}, "products"),
        ({"id_client": 1, "products": [{"id_product": n, "quantity": 1} for n in range(1, 102)]}, "products"),
        ({"id_client": 1, "products": [None]}, "products[0]"),
        ({"id_client": 1, "products": [LINE, {"id_product": 2, "quantity": 0}]}, "products[1].quantity"),
        ({"id_client": 1, "products": [{"id_product": 1, "quantity": -1}]}, "products[0].quantity"),
        ({"id_client": 1, "products": [{"id_product": 1, "quantity": 1.0}]}, "products[0].quantity"),
        ({"id_client": 1, "products": [{"id_product": 1, "quantity": True}]}, "products[0].quantity"),
        ({"id_client": 1, "products": [{"id_product": 1, "quantity": "1"}]}, "products[0].quantity"),
        ({"id_client": 1, "products": [{"id_product": 1, "quantity": 10000}]}, "products[0].quantity"),
        ({"id_client": 1, "products": [{"id_product": 2**63, "quantity": 1}]}, "products[0].id_product"),
        ({"id_client": 1, "products": [{"quantity": 1}]}, "products[0].id_product"),
        ({"id_client": 1, "products": [LINE], "coupon": "X"}, "coupon"),
        ({"id_client": 1, "products": [{**LINE, "price": 0}]}, "products[0].price"),
        ({"id_client": 1, "products": [LINE, {"id_product": 2, "quantity": 1}, LINE]}, "products[2].id_product"),
    ],
)  # fmt: skip
def test_json_of_another_shape_is_a_422_that_names_the_field(body: object, field: str) -> None:
    document = _refused(post_order(body), 422)
    errors = {error["field"]: error for error in document["errors"]}
    assert field in errors
    assert errors[field]["detail"]
    assert errors[field]["pointer"].startswith("#")


def test_a_pointer_follows_its_standards() -> None:
    document = _refused(post_order({**ORDER, "a/b~c d": 1}), 422)
    assert document["errors"][0]["pointer"] == "#/a~1b~0c%20d"


def test_errors_are_bounded_in_number_and_size() -> None:
    document = _refused(post_order({str(number) * 200: 1 for number in range(60)}), 422)
    assert len(json.dumps(document)) < 10_000


NAMES = st.sampled_from(["id_client", "products", "id_product", "quantity"]) | st.text()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    )
)
def test_no_json_whatever_is_a_500_or_an_order(value: object) -> None:
    assert 400 <= _post(post_order(json.dumps(value)))["statusCode"] < 500


def test_keys_belong_to_their_caller_and_fit_their_column() -> None:
    store = FakeOrders()
    for principal, key in [("a", "k"), ("b", "k"), ("a", "k2"), ("a", "k"), ("a,k", "2"), ("a", "x" * 255)]:
        _post(post_order(principal=principal, Idempotency_Key=key), store)
    assert store.keys[0] == store.keys[3]
    assert len(set(store.keys)) == 5
    assert all(len(key) <= 64 for key in store.keys)


def test_without_a_key_each_call_has_its_own() -> None:
    store = FakeOrders()
    for _ in range(3):
        _post(post_order(), store)
    assert len(set(store.keys)) == 3
    assert all(len(key) <= 64 for key in store.keys)


def test_the_hash_tells_orders_apart_and_not_ways_to_write_them() -> None:
    store = FakeOrders()
    _post(post_order('{"products":[{"quantity":1,"id_product":1}],"id_client":1}'), store)
    _post(post_order(' {"id_client": 1, "products": [{"id_product": 1, "quantity": 1}]}'), store)
    assert request_hash(store.placed[0]) == request_hash(store.placed[1])
    one = PlaceOrder("a", 1, (Line(1, 1), Line(2, 1)))
    others = [PlaceOrder("a", 2, one.lines), PlaceOrder("a", 1, (Line(1, 2), Line(2, 1))),
              PlaceOrder("a", 1, (Line(2, 1), Line(1, 1))), PlaceOrder("a", 1, (Line(1, 1),))]  # fmt: skip
    assert len({request_hash(command) for command in (one, *others)}) == 5


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (UnknownClient(), "id_client"),
        (UnknownProducts(frozenset({2})), "products[1].id_product"),
        (OrderTooLarge(), "products"),
        (ClientTotalTooLarge(), "products"),
    ],
)
def test_a_refused_order_is_a_422_that_names_the_field(refusal: OrderRefused, field: str) -> None:
    document = problem(_post(post_order(), FakeOrders(refusal)), 422)
    assert [error["field"] for error in document["errors"]] == [field]


def test_a_reused_key_is_a_422_of_its_own_type() -> None:
    document = problem(_post(post_order(), FakeOrders(KeyReused())), 422)
    assert document["type"] == "urn:orders:problem:idempotency-key-reused"


def test_every_refusal_has_an_answer() -> None:
    for refusal in OrderRefused.__subclasses__():
        error = refusal(frozenset({1})) if refusal is UnknownProducts else refusal()
        assert _post(post_order(), FakeOrders(error))["statusCode"] == 422


def test_a_database_that_does_not_answer_is_a_503() -> None:
    response = _post(post_order(), FakeOrders(DatabaseUnavailable("gone")))
    problem(response, 503)
    assert response["headers"]["Retry-After"] == "1"


@pytest.mark.parametrize(
    "error", [DatabaseError("secret detail", "XX000"), RuntimeError("secret detail"), KeyError("x")]
)
def test_a_fault_is_a_500_that_tells_nothing(error: Exception) -> None:
    response = _post(post_order(), FakeOrders(error))
    assert "secret detail" not in json.dumps(problem(response, 500))


@pytest.mark.parametrize(
    ("header", "environment", "expected"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        ("00-" + "0" * 32 + "-" + "b" * 16 + "-01", "", None),
        ('"; drop', "", None),
        ("", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
         "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"),
        ("", "Root=1-5759e988-bd862e3fe1be46a994272793", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_the_trace_goes_into_the_command(
    header: str, environment: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", environment)
    store = FakeOrders()
    _post(post_order(traceparent=header), store)
    assert store.placed[0].traceparent == expected


def test_a_placed_order_has_one_log_line_with_its_ids_and_a_time_that_lambda_reads() -> None:
    stream = io.StringIO()
    lines = logging.StreamHandler(stream)
    lines.setFormatter(logger.registered_formatter)
    logger.addHandler(lines)
    try:
        event = post_order()
        _post(event)
    finally:
        logger._logger.removeHandler(lines)
    [line] = [json.loads(text) for text in stream.getvalue().splitlines()]
    told = {name: line[name] for name in ("level", "message", "status", "id_order", "id_client", "client_version")}
    assert told == {
        "level": "INFO", "message": "order placed", "status": 201, "id_order": 41, "id_client": 1, "client_version": 7,
    }  # fmt: skip
    assert line["correlation_id"] == event["requestContext"]["requestId"]
    # RFC 3339; of a line with another time Lambda does not take the level.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
