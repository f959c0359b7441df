"""What all commands have in common over HTTP: which bodies and headers are refused, and that it has no effect."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.administer import handler as administer
from functions.common.errors import DatabaseError, DatabaseUnavailable, SecretUnreadable
from functions.common.gateway import answer
from functions.place_order import handler as place_order
from tests.functions.memory import MemoryWriteModel
from tests.functions.samples import ORDER, problem, send

COMMANDS: dict[str, tuple[str, str, int | None, dict[str, Any]]] = {
    "place an order": ("POST", "/orders", None, ORDER),
    "register a client": ("POST", "/clients", None, {"name": "Zoë", "email": "zoe@example.com"}),
    "change a client": ("PATCH", "/clients/{id}", 2, {"email": "ann@example.com"}),
    "add a product": ("POST", "/products", None, {"name": "Lamp", "price": 12.3}),
    "change a product": ("PATCH", "/products/{id}", 3, {"price": "12.30"}),
}
EACH = pytest.mark.parametrize("command", COMMANDS)
KEYED = pytest.mark.parametrize("command", [name for name in COMMANDS if not name.startswith("change")])


class Stores:
    """A write model that counts how often it was asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.model = MemoryWriteModel()
        self._error = error

    def __call__(self) -> MemoryWriteModel:
        self.asked += 1
        if self._error:
            raise self._error
        return self.model

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        function: Any = place_order if event.get("resource") == "/orders" else administer
        return answer(event, lambda request: function.respond(request, self))


def _event(command: str, body: object = None, **headers: str) -> dict[str, Any]:
    method, route, id_, valid = COMMANDS[command]
    return send(method, route, id_, valid if body is None else body, **headers)


def _accepted(event: dict[str, Any]) -> Stores:
    stores = Stores()
    response = stores.answer(event)
    assert response["statusCode"] in (200, 201), response["body"]
    return stores


def _refused(event: dict[str, Any], status: int) -> dict[str, Any]:
    stores = Stores()
    document = problem(stores.answer(event), status)
    assert stores.asked == 0
    return document


@EACH
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.orders+json",
     'application/json;charset="utf-8"', "application/json ; foo=bar; charset=us-ascii", ""],
)  # fmt: skip
def test_json_is_json_however_it_is_called(command: str, content_type: str) -> None:
    _accepted({**_event(command), "headers": {"content-TYPE": content_type}})


@EACH
def test_a_missing_content_type_is_json_as_for_api_gateway(command: str) -> None:
    _accepted({**_event(command), "headers": None, "multiValueHeaders": None})


def _base64(command: str, raw: bytes) -> dict[str, Any]:
    return {**_event(command, base64.b64encode(raw).decode()), "isBase64Encoded": True}


@EACH
def test_a_body_in_base64_is_read(command: str) -> None:
    _accepted(_base64(command, json.dumps(COMMANDS[command][3]).encode()))


NOT_JSON = [
    "", "   ", "{", "{}x", "{} {}", "\ufeff{}", '{"name": NaN}', '{"price": Infinity}', '{"id_client": -Infinity}',
    '{"name": 1, "name": 2}', '{"products": [{"quantity": 1, "quantity": 2}]}', '{"price": ' + "9" * 5000 + "}",
    "[" * 15_000, '{"a":' * 6_000, '{"name": \ud800}', '{"name": "\x00"}', '{"price": 01}',
    '{"price": +1}', '{"price": .5}', '{"price": 0x1}', "{'name': 1}", "{\"name\": 1,}", '{"name": "a\nb"}',
    "undefined",
]  # fmt: skip


@EACH
@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: body[:12])
def test_what_is_not_json_is_a_400(command: str, body: str) -> None:
    assert _refused(_event(command, body), 400)["type"] == "urn:orders:problem:malformed-body"


@EACH
def test_what_is_not_utf8_or_not_there_is_a_400(command: str) -> None:
    text = json.dumps(COMMANDS[command][3])
    for event in (
        {**_event(command), "body": None},
        {**_event(command, "not base64!"), "isBase64Encoded": True},
        {**_event(command, text), "isBase64Encoded": True},
        {**_event(command, "e30=\n\xff"), "isBase64Encoded": True},
        _base64(command, b'{"name": "\xff"}'),
        _base64(command, b'{"name": "\xed\xa0\x80"}'),
        _base64(command, text.encode("utf-16")),
        _event(command, base64.b64encode(text.encode()).decode()),
    ):
        _refused(event, 400)


@EACH
@pytest.mark.parametrize("size", [32 * 1024 + 1, 10_000_000])
def test_a_body_too_large_is_a_413(command: str, size: int) -> None:
    body = json.dumps(COMMANDS[command][3])
    _refused(_event(command, body + " " * (size - len(body))), 413)
    _refused(_base64(command, body.encode() + b" " * (size - len(body))), 413)


@EACH
def test_a_body_of_the_greatest_size_is_read(command: str) -> None:
    body = json.dumps(COMMANDS[command][3])
    _accepted(_event(command, body + " " * (32 * 1024 - len(body))))
    # Bytes count, not characters.
    _refused(_event(command, '"' + "ü" * (16 * 1024) + '"'), 413)


@EACH
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "json", "*/*",
     "multipart/form-data; boundary=x", "application/json, text/plain", "application/jsonp", ";", "text/x+json"],
)  # fmt: skip
def test_another_media_type_is_a_415(command: str, content_type: str) -> None:
    if content_type == ";":  # no type at all
        _accepted({**_event(command), "headers": {"Content-Type": content_type}})
    else:
        _refused({**_event(command), "headers": {"Content-Type": content_type}}, 415)


@EACH
@pytest.mark.parametrize("body", ["null", "[]", "3", '"text"', "true", "[{}]", '[{"name": "x"}]', "-0", "1e400"])
def test_json_that_is_no_object_is_a_422(command: str, body: str) -> None:
    [error] = _refused(_event(command, body), 422)["errors"]
    assert error == {"field": "", "pointer": "#", "detail": "Input should be a JSON object."}


@EACH
@pytest.mark.parametrize("name", ["id", "version", "total", "Name", "", "__proto__", "name ", "a/b~c d"])
def test_a_member_that_nobody_knows_is_refused(command: str, name: str) -> None:
    document = _refused(_event(command, {**COMMANDS[command][3], name: 1}), 422)
    assert [error["field"] for error in document["errors"]] == [name]


@EACH
def test_a_name_that_is_no_text_is_refused(command: str) -> None:
    _refused(_event(command, '{"\\ud800": 1}'), 422)


@EACH
@pytest.mark.parametrize("depth", [2_000, 8_000, 16_000])
def test_nesting_is_refused_however_deep(command: str, depth: int) -> None:
    # How deep Python's JSON goes depends on its version.
    status = Stores().answer(_event(command, "[" * depth + "]" * depth))["statusCode"]
    assert status in (400, 422)


@EACH
def test_nesting_that_json_takes_is_a_422(command: str) -> None:
    for inside in ("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900):
        _refused(_event(command, f'{{"name": {inside}, "products": {inside}}}'), 422)


@EACH
def test_errors_are_bounded_in_number_and_size(command: str) -> None:
    document = _refused(_event(command, {str(number) * 200: 1 for number in range(60)}), 422)
    assert len(json.dumps(document)) < 10_000


NAMES = st.sampled_from(["id_client", "products", "id_product", "quantity", "name", "email", "price"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@EACH
@given(value=JSON)
def test_no_json_whatever_is_a_500(command: str, value: object) -> None:
    stores = Stores()
    status = stores.answer(_event(command, json.dumps(value)))["statusCode"]
    assert 400 <= status < 500 or (status in (200, 201) and stores.asked == 1)


@EACH
@example(text="\ud800")
@given(text=st.text(st.characters()))
def test_no_text_whatever_is_a_500(command: str, text: str) -> None:
    for body in (text, json.dumps(text), json.dumps({"name": text, "email": text, "price": text})):
        assert Stores().answer(_event(command, body))["statusCode"] < 500


@KEYED
@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\tb", "x" * 256, "a\x00", "\x7f", "a, b"])
def test_a_malformed_idempotency_key_is_a_400(command: str, key: str) -> None:
    assert _refused(_event(command, Idempotency_Key=key), 400)["type"].endswith(":invalid-idempotency-key")


@KEYED
def test_an_idempotency_key_sent_twice_is_a_400(command: str) -> None:
    for again in ({"Idempotency-Key": ["a", "b"]}, {"idempotency-key": ["a"]}):
        event = _event(command, Idempotency_Key="b")
        event["multiValueHeaders"].update(again)
        _refused(event, 400)


@KEYED
@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_a_repetition_gets_the_same_answer_to_the_letter(command: str, name: str) -> None:
    stores = Stores()
    event = _event(command)
    event["headers"][name] = " " + "x" * 255
    first = stores.answer(event)
    assert first["statusCode"] == 201
    held = vars(stores.model).copy()
    assert stores.answer(event) == first
    assert vars(stores.model) == held


@KEYED
def test_another_body_with_the_same_key_is_a_422_of_its_own_type(command: str) -> None:
    stores = Stores()
    body = COMMANDS[command][3]
    other = {**body, "id_client": 2} if "id_client" in body else {**body, "name": "Another"}
    stores.answer(_event(command, Idempotency_Key="key"))
    document = problem(stores.answer(_event(command, other, Idempotency_Key="key")), 422)
    assert document["type"] == "urn:orders:problem:idempotency-key-reused"
    assert "errors" not in document


def test_one_key_serves_several_operations() -> None:
    stores = Stores()
    for command in COMMANDS:
        assert stores.answer(_event(command, Idempotency_Key="key"))["statusCode"] in (200, 201)


@EACH
@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), SecretUnreadable("gone")])
def test_a_database_that_does_not_answer_is_a_503(command: str, error: Exception) -> None:
    response = Stores(error).answer(_event(command))
    problem(response, 503)
    assert response["headers"]["Retry-After"] == "1"


@EACH
@pytest.mark.parametrize("error", [DatabaseError("secret detail", "XX000"), RuntimeError("secret detail")])
def test_a_fault_is_a_500_that_tells_nothing(command: str, error: Exception) -> None:
    assert "secret detail" not in json.dumps(problem(Stores(error).answer(_event(command)), 500))


@EACH
@pytest.mark.parametrize("odd", [{}, {"requestContext": None, "headers": 3, "body": {}}, {"body": 5, "headers": []}])
def test_an_event_of_odd_shape_is_answered(command: str, odd: dict[str, Any]) -> None:
    method, route, id_, _ = COMMANDS[command]
    event = {"httpMethod": method, "resource": route, "pathParameters": {"id": str(id_)}, **odd}
    problem(Stores().answer(event), 400)
