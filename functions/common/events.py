"""The event contract: what stands in a message, and the one decoder of it.

A message is the outbox row as change data capture wrote it, ``{"data": {row}, "metadata": {...}}``; the row's `payload`
is a CloudEvents 1.0 JSON object, as text or already as an object. The `*.schema.json` files beside this one are the
contract for other teams, one for each type. A new type, or a change that old readers cannot bear, gets a new version
and another entry in `DECODERS`; fields may be added at any time, because readers ignore those they do not know.

Two rules go beyond what the schemas can say: the envelope's `subject` is that of the event, and the row's
`event_type` is the envelope's `type`. One falls short of them: a damaged `traceparent` damages no event, as W3C Trace
Context asks; it is given as it came.

The projector decodes tens of thousands of these a second. Hence named tuples and plain comparisons: a pydantic
model would take several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, final

import orjson

from functions.common.errors import DamagedEvent, UnknownEvent
from functions.common.money import AMOUNT

ORDER_PLACED = "orders.OrderPlaced.v1"
CLIENT_REGISTERED = "orders.ClientRegistered.v1"
CLIENT_CHANGED = "orders.ClientChanged.v1"
HEARTBEAT = "orders.Heartbeat.v1"
OPERATIONS = frozenset({"load", "insert"})
MAX_BIGINT = 2**63 - 1

_is_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII).fullmatch
_is_amount = AMOUNT.fullmatch
_is_name = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII).fullmatch
_is_price = re.compile(r"(?:0|[1-9][0-9]{0,9})\.[0-9]{2}", re.ASCII).fullmatch


class ClientState(NamedTuple):
    """A client at its `version`. `total` is decimal text, `last_purchase` epoch seconds, None without an order."""

    id: int
    name: str
    email: str
    version: int
    order_count: int
    total: str
    last_purchase: int | None


class OrderLine(NamedTuple):
    """So many of a product; `price` is one's price as decimal text."""

    id_product: int
    price: str
    quantity: int


class Order(NamedTuple):
    """The order itself; `total` is decimal text, `placed_at` epoch seconds."""

    id: int
    total: str
    placed_at: int
    lines: tuple[OrderLine, ...]


class OrderPlaced(NamedTuple):
    """An order was placed; carries its client's state after it. `time` is ISO 8601 in UTC with microseconds."""

    id: str
    time: str
    traceparent: str | None
    client: ClientState
    order: Order


class ClientRegistered(NamedTuple):
    """A client is known from now on, with version 0 and without an order."""

    id: str
    time: str
    traceparent: str | None
    client: ClientState


class ClientChanged(NamedTuple):
    """A client's name or e-mail address changed; carries its state after that."""

    id: str
    time: str
    traceparent: str | None
    client: ClientState


@final
class Heartbeat(NamedTuple):
    """Nothing happened, and that is to arrive all the same. `beat` is when it was written, in epoch microseconds."""

    id: str
    time: str
    traceparent: str | None
    beat: int


ClientEvent = OrderPlaced | ClientRegistered | ClientChanged
Event = ClientEvent | Heartbeat


def decode(body: str | bytes) -> Event:
    """The event in a message's body.

    Raises DamagedEvent if the body is not JSON or not of the shape that its type promises, UnknownEvent if its
    operation or type is none known here. Both name the place and no value that may be personal.
    """
    try:
        message = orjson.loads(body)
        row = message["data"]
        operation = message["metadata"]["operation"]
        event_type = row["event_type"]
        payload = row["payload"]
        event = orjson.loads(payload) if type(payload) is str else payload
    except (orjson.JSONDecodeError, UnicodeError):
        raise DamagedEvent("the message or its payload is not JSON") from None
    except (KeyError, TypeError, IndexError):
        raise DamagedEvent(
            "the message is not {data: {event_type, payload, ...}, metadata: {operation, ...}}"
        ) from None
    if type(operation) is not str or operation not in OPERATIONS:
        raise UnknownEvent(f"operation {_shown(operation)} is neither load nor insert")
    decoder = DECODERS.get(event_type) if type(event_type) is str else None
    if decoder is None:
        raise UnknownEvent(f"no decoder for event type {_shown(event_type)}")
    if type(event) is not dict:
        raise DamagedEvent("payload is not an object")
    if event.get("type") != event_type:
        raise DamagedEvent("payload.type is not the row's event_type")
    try:
        return decoder(event)
    except KeyError as error:
        raise DamagedEvent(f"payload lacks {error.args[0]}") from None
    except (TypeError, AttributeError):
        raise DamagedEvent("payload has another type than an object where there should be one") from None


def _shown(value: object) -> str:
    """A name as it is; anything else could be anything, and does not belong into a log."""
    return repr(value) if type(value) is str and _is_name(value) else "(not a name)"


def _order_placed(event: dict[str, Any]) -> OrderPlaced:
    return OrderPlaced(*_envelope(event, 1), _order(event["data"]["order"]))


def _client_registered(event: dict[str, Any]) -> ClientRegistered:
    decoded = ClientRegistered(*_envelope(event, 0))
    if decoded.client.version != 0:
        raise DamagedEvent("client.version of a new client is not 0")
    return decoded


def _client_changed(event: dict[str, Any]) -> ClientChanged:
    decoded = ClientChanged(*_envelope(event, 0))
    if decoded.client.version == 0:
        raise DamagedEvent("client.version of a changed client is 0")
    return decoded


def _heartbeat(event: dict[str, Any]) -> Heartbeat:
    event_id, time, traceparent = _head(event)
    if event["subject"] != "heartbeat":
        raise DamagedEvent("payload.subject is not heartbeat")
    return Heartbeat(event_id, time, traceparent, _count(event["data"]["beat"], "beat", 1))


def _envelope(event: dict[str, Any], orders: int) -> tuple[str, str, str | None, ClientState]:
    """What all events of clients have in common: the head, and a client with so many `orders` at least, 0 or 1."""
    event_id, time, traceparent = _head(event)
    client = _client(event["data"]["client"], orders)
    if event["subject"] != str(client.id):
        raise DamagedEvent("payload.subject is not the client's id")
    return event_id, time, traceparent, client


def _head(event: dict[str, Any]) -> tuple[str, str, str | None]:
    """What all types have in common: id, time and traceparent."""
    if event["specversion"] != "1.0":
        raise DamagedEvent("payload.specversion is not 1.0")
    if event["source"] != "orders":
        raise DamagedEvent("payload.source is not orders")
    event_id = event["id"]
    if type(event_id) is not str or not event_id:
        raise DamagedEvent("payload.id is not a text")
    time = event["time"]
    _seconds(time)
    traceparent = event.get("traceparent")
    if traceparent is not None and type(traceparent) is not str:
        traceparent = None
    return event_id, time, traceparent


def _client(client: dict[str, Any], orders: int) -> ClientState:
    name, email, total = client["name"], client["email"], client["total"]
    if type(name) is not str or not name:
        raise DamagedEvent("client.name is not a text")
    if type(email) is not str or not email:
        raise DamagedEvent("client.email is not a text")
    if type(total) is not str or not _is_amount(total):
        raise DamagedEvent("client.total is not an amount")
    last_purchase = client["last_purchase"]
    return ClientState(
        _count(client["id"], "client.id", 1),
        name,
        email,
        # An order makes a version, so a client with orders has one.
        _count(client["version"], "client.version", orders),
        _count(client["order_count"], "client.order_count", orders),
        total,
        None if last_purchase is None and orders == 0 else _seconds(last_purchase),
    )


def _order(order: dict[str, Any]) -> Order:
    total, lines = order["total"], order["lines"]
    if type(total) is not str or not _is_amount(total):
        raise DamagedEvent("order.total is not an amount")
    if type(lines) is not list or not 1 <= len(lines) <= 100:
        raise DamagedEvent("order.lines is not a list of 1 to 100")
    return Order(
        _count(order["id"], "order.id", 1),
        total,
        _seconds(order["placed_at"]),
        tuple(map(_line, lines)),
    )


def _line(line: dict[str, Any]) -> OrderLine:
    product, price, quantity = line["id"], line["price"], line["qty"]
    if type(product) is not int or not 1 <= product <= MAX_BIGINT:
        raise DamagedEvent("order.lines: id is not an id")
    if type(price) is not str or not _is_price(price):
        raise DamagedEvent("order.lines: price is not an amount")
    if type(quantity) is not int or not 1 <= quantity <= 9999:
        raise DamagedEvent("order.lines: qty is not a quantity")
    return OrderLine(product, price, quantity)


def _count(value: object, place: str, least: int) -> int:
    # type() rather than isinstance: True is an int.
    if type(value) is not int or not least <= value <= MAX_BIGINT:
        raise DamagedEvent(f"{place} is not a whole number from {least} to 2^63-1")
    return value


@lru_cache(maxsize=256)  # an event says the same time four times
def _seconds(value: object) -> int:
    if type(value) is not str or not _is_time(value):
        raise DamagedEvent("a time is not in UTC with microseconds")
    try:
        # Cut down: floor, not round, also for the fraction.
        return int(datetime.fromisoformat(value[:19] + "+00:00").timestamp())
    except ValueError:
        raise DamagedEvent("a time is none that exists") from None


DECODERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    ORDER_PLACED: _order_placed,
    CLIENT_REGISTERED: _client_registered,
    CLIENT_CHANGED: _client_changed,
    HEARTBEAT: _heartbeat,
}
