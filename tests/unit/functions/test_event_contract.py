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
from msgspec.structs import astuple

import functions.common.events
from functions.common.errors import DamagedEvent, EventError, UnknownEvent
from functions.common.events import (
    CLIENT_CHANGED,
    CLIENT_REGISTERED,
    DECODERS,
    HEARTBEAT,
    ORDER_PLACED,
    Order,
    OrderLine,
    Seconds,
    decode,
)
from tests.functions.samples import (
    SECONDS,
    TIME,
    client_event,
    decode_client,
    decode_order,
    heartbeat,
    message,
    order_placed,
)

SCHEMAS = [
    json.loads(path.read_text())
    for path in sorted(Path(functions.common.events.__file__).parent.glob("*.v*.schema.json"))
]
CHECKER = FormatChecker(formats=())


@CHECKER.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value) is not None


VALIDATORS = {schema["title"]: Draft202012Validator(schema, format_checker=CHECKER) for schema in SCHEMAS}

SAMPLES: dict[str, dict[str, Any]] = {
    ORDER_PLACED: order_placed(),
    CLIENT_REGISTERED: client_event("ClientRegistered", version=0),
    CLIENT_CHANGED: client_event("ClientChanged", version=3, order_count=2),
    HEARTBEAT: heartbeat(),
}
Path_ = tuple[str | int, ...]

# Every member that the decoder uses, as a path into the payload.
HEAD_PATHS: list[Path_] = [(name,) for name in ("specversion", "id", "source", "time", "data")]
CLIENT_PATHS: list[Path_] = [
    ("data", "client"),
    *[("data", "client", name) for name in ("name", "email", "version", "order_count", "total", "last_purchase")],
]
ORDER_PATHS: list[Path_] = [
    ("data", "order"),
    *[("data", "order", name) for name in ("id", "total", "placed_at", "lines")],
    ("data", "order", "lines", 1),
    *[("data", "order", "lines", 1, name) for name in ("id", "price", "qty")],
]
PATHS_OF: dict[str, list[Path_]] = {
    ORDER_PLACED: CLIENT_PATHS + ORDER_PATHS,
    CLIENT_REGISTERED: CLIENT_PATHS,
    CLIENT_CHANGED: CLIENT_PATHS,
    HEARTBEAT: [("subject",), ("data", "beat")],
}
PATHS = [(kind, path) for kind in SAMPLES for path in HEAD_PATHS + PATHS_OF[kind]]

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


def _put(payload: dict[str, Any], path: Path_, value: object) -> dict[str, Any]:
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


def test_every_type_has_a_schema_and_a_sample() -> None:
    assert set(VALIDATORS) == set(DECODERS) == set(SAMPLES)
    for kind, payload in SAMPLES.items():
        VALIDATORS[kind].validate(payload)
        assert decode(message(payload)).id == payload["id"]


@pytest.mark.parametrize(("kind", "path"), PATHS, ids=str)
def test_schema_and_decoder_agree_on_odd_values(kind: str, path: Path_) -> None:
    for value in ODD_VALUES:
        _agree(_put(SAMPLES[kind], path, value))


@given(st.sampled_from(PATHS), st.integers(-(2**64) + 1, 2**64 - 1) | st.text(max_size=20))
def test_schema_and_decoder_agree_on_any_number_and_text(place: tuple[str, Path_], value: object) -> None:
    kind, path = place
    _agree(_put(SAMPLES[kind], path, value))


@pytest.mark.parametrize(("kind", "path"), PATHS, ids=str)
def test_schema_and_decoder_agree_that_a_member_must_be_there(kind: str, path: Path_) -> None:
    payload = _put(SAMPLES[kind], path, REMOVED)
    _agree(payload)
    if path != ("data", "order", "lines", 1):  # one of two lines is a valid order
        assert not VALIDATORS[kind].is_valid(payload)


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
    assert decoded == VALIDATORS[payload["type"]].is_valid(payload), payload


def test_an_event_is_decoded_with_all_its_fields() -> None:
    event = decode_order(order_placed(id_client=2**63 - 1, version=7, id_order=12))
    assert (event.time, event.traceparent) == (TIME, None)
    assert astuple(event.client) == (2**63 - 1, "Bob", "bob@anemailprovider.com", 7, 7, "21000.00", SECONDS)
    lines = (OrderLine(1, "1500.00", 1), OrderLine(2, "500.00", 3))
    assert event.order == Order(12, "3000.00", Seconds(SECONDS), lines)


@pytest.mark.parametrize(
    ("kind", "version", "count", "state"),
    [("ClientRegistered", 0, 0, (0, 0, "0.00", None)), ("ClientChanged", 1, 0, (1, 0, "0.00", None)),
     ("ClientChanged", 3, 2, (3, 2, "6000.00", SECONDS))],
)  # fmt: skip
def test_an_event_without_an_order_is_decoded_with_all_its_fields(
    kind: str, version: int, count: int, state: tuple[object, ...]
) -> None:
    event = decode_client(message(client_event(kind, 2**63 - 1, version, count)))
    assert type(event).__name__ == kind
    assert astuple(event.client) == (2**63 - 1, "Bob", "bob@anemailprovider.com", *state)


TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize(
    ("value", "expected"), [(TRACEPARENT, TRACEPARENT), ("nonsense", "nonsense"), (None, None), (1, None), ([], None)]
)
def test_a_trace_is_kept_and_a_damaged_one_damages_no_event(kind: str, value: object, expected: str | None) -> None:
    payload = {**SAMPLES[kind], "traceparent": value}
    assert decode(message(payload)).traceparent == expected


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
    assert VALIDATORS[ORDER_PLACED].is_valid(payload)
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
    ("body", "said"),
    [
        (message(order_placed(), event_type="orders.OrderPlaced.v2"), "'orders.OrderPlaced.v2'"),
        (message(order_placed(), event_type="Bob"), "event type (not a name)"),
        (message(order_placed(), event_type="bob@b.example"), "event type (not a name)"),
        (message(order_placed(), operation="update"), "operation 'update'"),
        (message(order_placed(), operation="Bob"), "operation (not a name)"),
    ],
)
def test_an_unknown_name_is_said_only_where_it_cannot_be_a_persons(body: str, said: str) -> None:
    with pytest.raises(UnknownEvent) as caught:
        decode(body)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "the message is not {data: {event_type, payload, ...}, metadata: {operation, ...}}"),
        (message("[]", event_type=ORDER_PLACED), "payload: Expected `object`"),
        (message({**order_placed(), "source": "Bob"}), "payload.source: another value"),
        (message({**order_placed(), "id": ""}), "payload.id: Expected `str` of length >= 1"),
    ],
)
def test_a_damaged_message_is_told_by_its_place(body: str, said: str) -> None:
    with pytest.raises(DamagedEvent) as caught:
        decode(body)
    assert said in str(caught.value)


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
        message({**order_placed(), "source": "Bob"}),
        message({**order_placed(), "time": "Bob"}),
        message({**client_event(version=0), "type": "orders.ClientRegistered.v1", "specversion": "Bob"}),
        message({**order_placed(), "type": "orders.ClientChanged.v1"}, event_type="orders.OrderPlaced.v1"),
        message({**client_event(), "type": "orders.OrderPlaced.v1"}),
        message(order_placed()).replace("Bob", "\\\\ud800"),
        "[" * 100_000,
        json.dumps({"data": {"payload": "[" * 5000, "event_type": ORDER_PLACED}, "metadata": {"operation": "insert"}}),
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
