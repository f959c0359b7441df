"""The event contract: schema and decoder agree, forms of the message, and no event passes in silence."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

import functions.common.events
from functions.common.errors import DamagedEvent, EventError, UnknownEvent
from functions.common.events import decode
from tests.functions.samples import SECONDS, TIME, message, order_placed

SCHEMA = json.loads((Path(functions.common.events.__file__).parent / "order_placed.v1.schema.json").read_text())
CHECKER = FormatChecker(formats=())


@CHECKER.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value) is not None


VALIDATOR = Draft202012Validator(SCHEMA, format_checker=CHECKER)

# Every member that the decoder uses, as a path into the payload.
PATHS: list[tuple[str | int, ...]] = [
    *[(name,) for name in ("specversion", "id", "source", "time", "data")],
    ("data", "client"), ("data", "order"),
    *[("data", "client", name) for name in ("name", "email", "version", "order_count", "total", "last_purchase")],
    *[("data", "order", name) for name in ("id", "total", "placed_at", "lines")],
    ("data", "order", "lines", 1),
    *[("data", "order", "lines", 1, name) for name in ("id", "price", "qty")],
]  # fmt: skip

# Not whole floats: to JSON Schema 1.0 is an integer, here it is not, and PostgreSQL writes none.
ODD_VALUES: list[object] = [
        None, True, False, 0, 1, -1, 1.5, 9999, 10000, 2**63 - 1, 2**63, 10**19, "", "1", "orders", "1.0", "1.00",
        "0.00", "01.00", "1.0", "9999999999.99", "10000000000.00", "999999999999.99", "1000000000000.00", "-1.00",
        TIME,
        "2026-13-21T06:30:00.123456Z", "2026-02-30T06:30:00.123456Z", "2026-11-21T24:00:01.123456Z",
        "2026-11-21T06:30:00Z", "2026-11-21T06:30:00.123456+00:00", "2026-11-21 06:30:00.123456Z",
        [], {}, [{}], [{"id": 1, "price": "1.00", "qty": 1}], [{"id": 1, "price": "1.00", "qty": 1}] * 100,
        [{"id": 1, "price": "1.00", "qty": 1}] * 101,
]  # fmt: skip


def _put(payload: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


REMOVED = object()


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_schema_and_decoder_agree_on_odd_values(path: tuple[str | int, ...]) -> None:
    for value in ODD_VALUES:
        _agree(_put(order_placed(), path, value))


@given(st.sampled_from(PATHS), st.integers(-(2**64) + 1, 2**64 - 1) | st.text(max_size=20))
def test_schema_and_decoder_agree_on_any_number_and_text(path: tuple[str | int, ...], value: object) -> None:
    _agree(_put(order_placed(), path, value))


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_schema_and_decoder_agree_that_a_member_must_be_there(path: tuple[str | int, ...]) -> None:
    payload = _put(order_placed(), path, REMOVED)
    _agree(payload)
    if path != ("data", "order", "lines", 1):  # one of two lines is a valid order
        assert not VALIDATOR.is_valid(payload)


@pytest.mark.parametrize(
    "path", [("time",), ("data", "client", "total"), ("data", "order", "lines", 1, "price")], ids=str
)
def test_a_line_end_is_no_part_of_a_value(path: tuple[str | int, ...]) -> None:
    # Python's $ lets one pass, so the schema cannot be asked here.
    value = {"time": TIME}.get(str(path[-1]), "1.00")
    decode(message(_put(order_placed(), path, value)))
    with pytest.raises(DamagedEvent):
        decode(message(_put(order_placed(), path, value + "\n")))


def _agree(payload: dict[str, Any]) -> None:
    try:
        decode(message(payload))
        decoded = True
    except DamagedEvent:
        decoded = False
    assert decoded == VALIDATOR.is_valid(payload), payload


def test_an_event_is_decoded_with_all_its_fields() -> None:
    event = decode(message(order_placed(id_client=2**63 - 1, version=7, id_order=12)))
    assert event.time == TIME
    assert event.client == (2**63 - 1, "Bob", "bob@anemailprovider.com", 7, 7, "21000.00", SECONDS)
    assert event.order == (12, "3000.00", SECONDS, ((1, "1500.00", 1), (2, "500.00", 3)))


@pytest.mark.parametrize("operation", ["load", "insert"])
def test_payload_as_text_or_object_and_both_operations_give_the_same(operation: str) -> None:
    payload = order_placed()
    reference = decode(message(payload))
    assert decode(message(payload, operation=operation)) == reference
    assert decode(message(payload, operation=operation, payload=payload)) == reference
    assert decode(message(payload, operation=operation).encode()) == reference


def test_members_that_nobody_knows_are_ignored() -> None:
    payload = order_placed()
    reference = decode(message(payload))
    for place in (payload, payload["data"], payload["data"]["client"], payload["data"]["order"],
                  payload["data"]["order"]["lines"][0]):  # fmt: skip
        place["added_later"] = {"x": 1}
    assert VALIDATOR.is_valid(payload)
    assert decode(message(payload, added_later=1)) == reference


@pytest.mark.parametrize(
    "body",
    [
        message(order_placed(), event_type="orders.OrderPlaced.v2"),
        message({**order_placed(), "type": "orders.OrderPlaced.v2"}),
        message(order_placed(), event_type=None),
        message(order_placed(), event_type=["orders.OrderPlaced.v1"]),
        message(order_placed(), operation="update"),
        message(order_placed(), operation="delete"),
    ],
)
def test_an_unknown_type_or_operation_is_an_error_of_its_own(body: str) -> None:
    with pytest.raises(UnknownEvent):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "{}", "3", '"text"', "{", '{"data": {}}', '{"data": null, "metadata": null}',
        '{"data": [], "metadata": {"operation": "insert"}}',
        message(None, event_type="orders.OrderPlaced.v1"),
        message("cut off: {", event_type="orders.OrderPlaced.v1"),
        message("[]", event_type="orders.OrderPlaced.v1"),
        message("3", event_type="orders.OrderPlaced.v1"),
        message({**order_placed(), "type": "another"}, event_type="orders.OrderPlaced.v1"),
        message({**order_placed(), "subject": "2"}),
        message({**order_placed(), "subject": 1}),
        message({**order_placed(), "data": []}),
        message(order_placed()).replace("Bob", "\\\\ud800"),
        "[" * 100_000,
        json.dumps({"data": {"payload": "[" * 5000, "event_type": "x"}, "metadata": {"operation": "insert"}}),
    ],
)  # fmt: skip
def test_a_damaged_message_is_an_error_without_its_content(body: str) -> None:
    with pytest.raises(EventError) as caught:
        decode(body)
    assert isinstance(caught.value, DamagedEvent)
    assert "Bob" not in str(caught.value)


NAMES = st.sampled_from(["data", "metadata", "payload", "event_type", "operation", "x"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    )
)
def test_no_json_at_all_gets_past_the_two_errors(value: object) -> None:
    with pytest.raises(EventError):
        decode(json.dumps(value))
