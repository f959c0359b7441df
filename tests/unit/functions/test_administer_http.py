"""The four calls of the administration over the write model in memory: what is accepted, what is refused and how."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from functions.administer.errors import AdministrationRefused, AnotherVersion
from functions.administer.handler import respond
from functions.common.gateway import answer
from tests.functions.memory import Client, MemoryWriteModel
from tests.functions.samples import problem, send

CLIENT = {"name": "Zoë", "email": "zoe@example.com"}
PRODUCT = {"name": "Lamp", "price": 12.3}


@pytest.fixture
def model() -> MemoryWriteModel:
    return MemoryWriteModel()


def _answer(event: dict[str, Any], model: MemoryWriteModel) -> dict[str, Any]:
    return answer(event, lambda request: respond(request, lambda: model))


def test_a_client_is_registered_and_can_be_found(model: MemoryWriteModel) -> None:
    response = _answer(send("POST", "/clients", None, CLIENT), model)
    assert (response["statusCode"], json.loads(response["body"])) == (201, {"id_client": 4, "client_version": 0})
    assert response["headers"]["Location"] == "/prod/clients/4?min_version=0"
    assert model.clients[4] == Client("Zoë", "zoe@example.com")


@pytest.mark.parametrize("change", [{"name": "Robert"}, {"email": "r@example.com"}, {"name": "R", "email": "r@e"}])
def test_a_client_is_changed_in_what_is_named(model: MemoryWriteModel, change: dict[str, str]) -> None:
    response = _answer(send("PATCH", "/clients/{id}", 1, change), model)
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"id_client": 1, "client_version": 1})
    after = {"name": "Bob", "email": "bob@anemailprovider.com", **change}
    assert model.clients[1] == Client(after["name"], after["email"], 1)


def test_a_product_is_added_and_changed_in_what_is_named(model: MemoryWriteModel) -> None:
    response = _answer(send("POST", "/products", None, PRODUCT), model)
    assert (response["statusCode"], json.loads(response["body"])) == (201, {"id_product": 4})
    assert model.products[4] == ("Lamp", Decimal("12.30"))
    for change, expected in (({"name": "Light"}, ("Light", Decimal("12.30"))), ({"price": 0}, ("Light", Decimal(0)))):
        response = _answer(send("PATCH", "/products/{id}", 4, change), model)
        assert (response["statusCode"], json.loads(response["body"])) == (200, {"id_product": 4})
        assert model.products[4] == expected


NAMES = [
    "x",
    "x" * 100,
    "😀" * 100,
    '"',
    "\\",
    "Ünal",
    "O'Brien",
    "李",
    "a  b",
    "\u200dx",
    "<script>",
    "%s",
    "{}",
    "\\u0000",
]
BAD_NAMES: list[object] = [
    "", " ", "\t", "\u3000", "x" * 101, "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "\ud800",
    None, 1, 1.5, True, [], {}, ["x"],
]  # fmt: skip
EMAILS = ["a@b", "ä@ö.example", "a+b@c.d", "'@b", "x" * 252 + "@b", '"a"@b', "a%s@b"]
BAD_EMAILS: list[object] = [
    "", "a", "ab", "a@", "@b", "abc", "a@@b", "a@b@c", " a@b", "a@b ", "a b@c", "a@b\n", "a\x00@b", "a\u00a0@b",
    "a@\u3000b", "x" * 253 + "@b", "\ud800@b", "a\u200b@b", None, 1, True, [], {},
]  # fmt: skip
# As they are written in JSON.
PRICES = {
    "0": "0.00", "5": "5.00", "12.3": "12.30", "0.01": "0.01", "9999999999.99": "9999999999.99", "-0": "0.00",
    "-0.0": "0.00", "1e2": "100.00", "1.5E1": "15.00", "100e-2": "1.00", "1.500": "1.50", "0e999999999": "0.00",
    '"0"': "0.00", '"12.3"': "12.30", '"0.01"': "0.01", '"9999999999.99"': "9999999999.99",
    "1." + "0" * 5000: "1.00",
}  # fmt: skip
BAD_PRICES = [
    "-1", "-0.01", "0.001", "12.345", "10000000000", "9999999999.991", "9999999999.995", "1e400", "1e-3", "1e999999999",
    "1e-999999999", "1e99999999999999999999", "9223372036854775808", "1" * 4000, "0." + "1" * 30000,
    '"1e2"', '"-0"', '"-1"', '"+1"', '".5"', '"5."', '"05"', '" 5"', '"5 "', '"5,0"', '"1_0"', '"0x1"', '"NaN"',
    '"Infinity"',     '"\\u0665"', '""', '"12.345"', '"10000000000"', "true", "null", "[]", "{}", "[1]",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_kept_as_it_is(model: MemoryWriteModel, name: str) -> None:
    _answer(send("POST", "/clients", None, {**CLIENT, "name": name}), model)
    _answer(send("PATCH", "/clients/{id}", 1, {"name": name}), model)
    _answer(send("POST", "/products", None, {**PRODUCT, "name": name}), model)
    _answer(send("PATCH", "/products/{id}", 1, {"name": name}), model)
    assert {model.clients[4].name, model.clients[1].name, model.products[4][0], model.products[1][0]} == {name}


@pytest.mark.parametrize("email", EMAILS)
def test_an_address_is_kept_as_it_is(model: MemoryWriteModel, email: str) -> None:
    _answer(send("POST", "/clients", None, {**CLIENT, "email": email}), model)
    _answer(send("PATCH", "/clients/{id}", 1, {"email": email}), model)
    assert {model.clients[4].email, model.clients[1].email} == {email}


@pytest.mark.parametrize(("written", "price"), PRICES.items(), ids=lambda text: text[:16])
def test_a_price_is_kept_exactly(model: MemoryWriteModel, written: str, price: str) -> None:
    assert _answer(send("POST", "/products", None, f'{{"name": "x", "price": {written}}}'), model)["statusCode"] == 201
    assert _answer(send("PATCH", "/products/{id}", 1, f'{{"price": {written}}}'), model)["statusCode"] == 200
    assert [str(model.products[number][1]) for number in (4, 1)] == [price] * 2


def test_a_price_written_in_another_way_is_the_same_request(model: MemoryWriteModel) -> None:
    for written in ("5", "5.0", '"5"', '"5.00"', "0.5e1"):
        body = f'{{"name": "x", "price": {written}}}'
        response = _answer(send("POST", "/products", None, body, Idempotency_Key="key"), model)
        assert (response["statusCode"], json.loads(response["body"])) == (201, {"id_product": 4})


def _refused(model: MemoryWriteModel, status: int, event: dict[str, Any]) -> dict[str, Any]:
    held = (model.clients.copy(), model.products.copy(), model.answers.copy(), model.events.copy())
    document = problem(_answer(event, model), status)
    assert (model.clients, model.products, model.answers, model.events) == held
    return document


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", value) for value in BAD_NAMES] + [("email", value) for value in BAD_EMAILS],
    ids=lambda value: repr(value)[:24],
)
def test_a_bad_field_is_a_422_that_names_it(model: MemoryWriteModel, field: str, value: object) -> None:
    events = [
        send("POST", "/clients", None, {**CLIENT, field: value}),
        send("PATCH", "/clients/{id}", 1, {field: value}),
    ]
    if field == "name":
        events.append(send("POST", "/products", None, {**PRODUCT, field: value}))
        events.append(send("PATCH", "/products/{id}", 1, {field: value}))
    for event in events:
        [error] = _refused(model, 422, event)["errors"]
        assert (error["field"], error["pointer"]) == (field, f"#/{field}")
        assert error["detail"].endswith(".")


@pytest.mark.parametrize("written", BAD_PRICES, ids=lambda text: text[:16])
def test_a_bad_price_is_a_422_that_names_it(model: MemoryWriteModel, written: str) -> None:
    for event in (
        send("POST", "/products", None, f'{{"name": "x", "price": {written}}}'),
        send("PATCH", "/products/{id}", 1, f'{{"price": {written}}}'),
    ):
        [error] = _refused(model, 422, event)["errors"]
        assert error["field"] == "price"


@pytest.mark.parametrize(
    ("route", "body", "missing"),
    [
        ("/clients", {"name": "x"}, ["email"]),
        ("/clients", {"email": "a@b"}, ["name"]),
        ("/clients", {}, ["name", "email"]),
        ("/products", {"name": "x"}, ["price"]),
        ("/products", {"price": 1}, ["name"]),
        ("/products", {}, ["name", "price"]),
    ],
)
def test_all_that_is_missing_is_named(
    model: MemoryWriteModel, route: str, body: dict[str, Any], missing: list[str]
) -> None:
    errors = _refused(model, 422, send("POST", route, None, body))["errors"]
    assert [error["field"] for error in errors] == missing


@pytest.mark.parametrize(("route", "members"), [("/clients/{id}", "name, email"), ("/products/{id}", "name, price")])
def test_a_change_of_nothing_is_a_422(model: MemoryWriteModel, route: str, members: str) -> None:
    [error] = _refused(model, 422, send("PATCH", route, 1, {}))["errors"]
    assert error == {"field": "", "pointer": "#", "detail": f"Name one at least of {members}."}


@pytest.mark.parametrize(
    ("route", "body", "kind"),
    [("/clients/{id}", {"name": "x"}, "unknown-client"), ("/products/{id}", {"name": "x"}, "unknown-product")],
)
def test_what_is_unknown_is_a_404(model: MemoryWriteModel, route: str, body: dict[str, str], kind: str) -> None:
    for id_ in (99, 2**63 - 1):
        assert _refused(model, 404, send("PATCH", route, id_, body))["type"] == f"urn:orders:problem:{kind}"


@pytest.mark.parametrize("route", ["/clients/{id}", "/products/{id}"])
@pytest.mark.parametrize("id_", ["0", "-1", "abc", "1.0", "1e3", "\u0663", str(2**63), "9" * 500, " 1", "01x"])
def test_a_bad_id_is_a_400(model: MemoryWriteModel, route: str, id_: str) -> None:
    assert _refused(model, 400, send("PATCH", route, id_, {"name": "x"}))["errors"][0]["field"] == "id"


@pytest.mark.parametrize("tags", ['"0"', '"7", "0"', '"x","0"', "*", ' "0" ', '"0" ,\t"1"'])
def test_a_change_of_the_version_in_if_match_is_made(model: MemoryWriteModel, tags: str) -> None:
    assert _answer(send("PATCH", "/clients/{id}", 1, {"name": "x"}, If_Match=tags), model)["statusCode"] == 200


@pytest.mark.parametrize(
    "tags", ['"1"', 'W/"0"', '"x"', '""', '"00"', '"+0"', '"0x0"', '"1", W/"0"', f'"{2**63}"', '"*"']
)
def test_a_change_of_another_version_is_a_412_that_tells_it(model: MemoryWriteModel, tags: str) -> None:
    document = _refused(model, 412, send("PATCH", "/clients/{id}", 1, {"name": "x"}, If_Match=tags))
    assert document["type"] == "urn:orders:problem:precondition-failed"
    assert "version 0" in document["detail"]


@pytest.mark.parametrize(
    "tags", ["", "0", "'0'", '"0', '0"', '"0" "1"', "*, *", '"0", *', ',"0"', '"0",', "W/0", '"\x00"']
)
def test_a_malformed_if_match_is_a_400(model: MemoryWriteModel, tags: str) -> None:
    document = _refused(model, 400, send("PATCH", "/clients/{id}", 1, {"name": "x"}, If_Match=tags))
    assert document["type"] == "urn:orders:problem:invalid-if-match"


def test_if_match_sent_twice_is_a_400(model: MemoryWriteModel) -> None:
    event = send("PATCH", "/clients/{id}", 1, {"name": "x"}, If_Match='"0"')
    event["multiValueHeaders"]["If-Match"] = ['"0"', '"1"']
    _refused(model, 400, event)


def test_a_key_on_a_change_means_nothing(model: MemoryWriteModel) -> None:
    for name in ("x", "y"):
        event = send("PATCH", "/clients/{id}", 1, {"name": name}, Idempotency_Key="key")
        assert _answer(event, model)["statusCode"] == 200
    assert model.clients[1].name == "y"


@pytest.mark.parametrize("refusal", AdministrationRefused.__subclasses__())
def test_every_refusal_has_an_answer(refusal: type[AdministrationRefused], monkeypatch: pytest.MonkeyPatch) -> None:
    model = MemoryWriteModel()

    def refuse(*_: object) -> None:
        raise AnotherVersion(3) if refusal is AnotherVersion else refusal()

    monkeypatch.setattr(model, "change_client", refuse)
    event = {**send("PATCH", "/clients/{id}", 1, {"name": "x"}), "path": ""}
    assert 400 <= _answer(event, model)["statusCode"] < 500


@pytest.mark.parametrize(
    ("header", "environment", "expected"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        ("nonsense", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
         "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"),
        ("", "", None),
    ],
)  # fmt: skip
def test_the_trace_goes_into_the_command(
    model: MemoryWriteModel, header: str, environment: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", environment)
    seen: list[Any] = []

    def watched(name: str) -> Callable[..., Any]:
        store = getattr(model, name)

        def call(key: str, request_hash: str, command: Any) -> Any:
            seen.append(command)
            return store(key, request_hash, command)

        return call

    for name in ("register_client", "change_client"):
        monkeypatch.setattr(model, name, watched(name))
    _answer(send("POST", "/clients", None, CLIENT, traceparent=header), model)
    _answer(send("PATCH", "/clients/{id}", 1, {"name": "x"}, traceparent=header), model)
    assert [command.traceparent for command in seen] == [expected] * 2
