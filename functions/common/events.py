"""The event contract: what stands in a message, and the one decoder of it.

A message is the outbox row as change data capture wrote it, ``{"data": {row}, "metadata": {...}}``; the row's `payload`
is a CloudEvents 1.0 JSON object, as text or already as an object. The `*.schema.json` files beside this one are the
contract for other teams, one for each type. A new type, or a change that old readers cannot bear, gets a new version
and another entry in `DECODERS`; fields may be added at any time, because readers ignore those they do not know.

Two rules go beyond what the schemas can say: the envelope's `subject` is that of the event, and the row's
`event_type` is the envelope's `type`. One falls short of them: a damaged `traceparent` damages no event, as W3C Trace
Context asks; it is given as it came.

The projector decodes tens of thousands of these a second. Hence structs of msgspec: what the types below say of a
value is decoded and checked in one pass of compiled code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar, final

import msgspec
from msgspec import Meta, Struct

from functions.common.errors import DamagedEvent, UnknownEvent
from functions.common.money import AMOUNT

ORDER_PLACED = "orders.OrderPlaced.v1"
CLIENT_REGISTERED = "orders.ClientRegistered.v1"
CLIENT_CHANGED = "orders.ClientChanged.v1"
HEARTBEAT = "orders.Heartbeat.v1"
OPERATIONS = frozenset({"load", "insert"})
MAX_BIGINT = 2**63 - 1

_is_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII).fullmatch
_is_type = re.compile(r"[a-z]{1,32}\.[A-Za-z]{1,64}\.v[0-9]{1,4}", re.ASCII).fullmatch
# What change data capture can write ("Using Amazon Kinesis Data Streams as a target", AWS DMS User Guide).
_KNOWN_OPERATIONS = OPERATIONS | {"update", "delete"}


class Seconds(int):
    """Epoch seconds; in an event's JSON a time in UTC with microseconds, which are cut off."""


Id = Annotated[int, Meta(ge=1, le=MAX_BIGINT)]
Count = Annotated[int, Meta(ge=0, le=MAX_BIGINT)]
Text = Annotated[str, Meta(min_length=1)]
# Decimal text. Not $ at the end, which lets a line end pass.
Amount = Annotated[str, Meta(pattern=rf"\A{AMOUNT.pattern}\Z")]
# Remembered, as the prices of a catalogue come again and again: a pattern at the field takes twice as long.
_is_price = lru_cache(maxsize=1024)(re.compile(r"(?:0|[1-9][0-9]{0,9})\.[0-9]{2}", re.ASCII).fullmatch)


class ClientState(Struct, frozen=True, gc=False):
    """A client at its `version`. `last_purchase` is None without an order."""

    id: Id
    name: Text
    email: Text
    version: Count
    order_count: Count
    total: Amount
    last_purchase: Seconds | None


class NewClient(ClientState, frozen=True, gc=False):
    """A client to whom nothing has happened yet."""

    version: Literal[0]


class ChangedClient(ClientState, frozen=True, gc=False):
    """A client to whom something has happened: each change makes a version."""

    version: Id


class Buyer(ClientState, frozen=True, gc=False):
    """A client who has just ordered."""

    version: Id
    order_count: Id
    last_purchase: Seconds


class OrderLine(Struct, frozen=True, gc=False, rename={"id_product": "id", "quantity": "qty"}):
    """So many of a product; `price` is one's price."""

    id_product: Id
    price: Annotated[str, Meta(max_length=13)]
    quantity: Annotated[int, Meta(ge=1, le=9999)]


class Order(Struct, frozen=True, gc=False):
    """The order itself."""

    id: Id
    total: Amount
    placed_at: Seconds
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        for line in self.lines:
            if not _is_price(line.price):
                raise ValueError("a price is not decimal text with two decimals")


class _OfClient(Struct, frozen=True, gc=False):
    client: ClientState


class _Placed(_OfClient, frozen=True, gc=False):
    client: Buyer
    order: Order


class _Registered(_OfClient, frozen=True, gc=False):
    client: NewClient


class _Changed(_OfClient, frozen=True, gc=False):
    client: ChangedClient


class _Beat(Struct, frozen=True, gc=False):
    beat: Id


class _Envelope(Struct, frozen=True, gc=False, kw_only=True):
    """What all types have in common. `time` is ISO 8601 in UTC with microseconds."""

    specversion: Literal["1.0"]
    source: Literal["orders"]
    id: Text
    subject: str
    time: str
    trace: Any = msgspec.field(name="traceparent", default=None)

    @property
    def traceparent(self) -> str | None:
        """The trace that the event is part of, as it came; None for anything but text."""
        return self.trace if type(self.trace) is str else None


class _ClientEvent(_Envelope, frozen=True, gc=False, kw_only=True):
    data: _OfClient

    @property
    def client(self) -> ClientState:
        """The client's state after the event."""
        return self.data.client

    def whose(self) -> str:
        """The subject that the event has to have."""
        return str(self.data.client.id)


class OrderPlaced(_ClientEvent, frozen=True, gc=False, kw_only=True):
    """An order was placed."""

    type: Literal["orders.OrderPlaced.v1"]
    data: _Placed

    @property
    def order(self) -> Order:
        """The order."""
        return self.data.order


class ClientRegistered(_ClientEvent, frozen=True, gc=False, kw_only=True):
    """A client is known from now on, with version 0 and without an order."""

    type: Literal["orders.ClientRegistered.v1"]
    data: _Registered


class ClientChanged(_ClientEvent, frozen=True, gc=False, kw_only=True):
    """A client's name or e-mail address changed."""

    type: Literal["orders.ClientChanged.v1"]
    data: _Changed


@final
class Heartbeat(_Envelope, frozen=True, gc=False, kw_only=True):
    """Nothing happened, and that is to arrive all the same."""

    type: Literal["orders.Heartbeat.v1"]
    data: _Beat

    @property
    def beat(self) -> int:
        """When it was written, in epoch microseconds."""
        return self.data.beat

    def whose(self) -> str:
        """The subject that the event has to have."""
        return "heartbeat"


ClientEvent = OrderPlaced | ClientRegistered | ClientChanged
Event = ClientEvent | Heartbeat
Kind = TypeVar("Kind", OrderPlaced, ClientRegistered, ClientChanged, Heartbeat)


class _Row(Struct, frozen=True, gc=False):
    event_type: Any
    payload: Any


class _Metadata(Struct, frozen=True, gc=False):
    operation: Any


class _Message(Struct, frozen=True, gc=False):
    data: _Row
    metadata: _Metadata


_message = msgspec.json.Decoder(_Message)
_NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
# In place of a name that could be anything, and does not belong into a log.
HIDDEN = "(not a name)"


def decode(body: str | bytes) -> Event:
    """The event in a message's body.

    Raises DamagedEvent if the body is not JSON or not of the shape that its type promises, UnknownEvent if its
    operation or type is none known here. Both name the place and no value that may be personal.
    """
    try:
        message = _message.decode(body)
        operation, event_type = message.metadata.operation, message.data.event_type
        if type(operation) is not str or operation not in OPERATIONS:
            known = type(operation) is str and operation in _KNOWN_OPERATIONS
            raise UnknownEvent(f"operation {repr(operation) if known else HIDDEN} is neither load nor insert")
        decoder = DECODERS.get(event_type) if type(event_type) is str else None
        if decoder is None:
            named = type(event_type) is str and _is_type(event_type)
            raise UnknownEvent(f"no decoder for event type {repr(event_type) if named else HIDDEN}")
    except msgspec.ValidationError:
        raise DamagedEvent(
            "the message is not {data: {event_type, payload, ...}, metadata: {operation, ...}}"
        ) from None
    except _NO_JSON:
        raise DamagedEvent("the message is not JSON, or too deep") from None
    try:
        return decoder(message.data.payload)
    except msgspec.ValidationError as error:
        raise DamagedEvent(_reason(error)) from None
    except _NO_JSON:
        raise DamagedEvent("the payload is not JSON, or too deep") from None


def _reason(error: msgspec.ValidationError) -> str:
    """What msgspec says of the place, but not which value it found in place of one of a few."""
    reason, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$")
    return f"payload{place}: {'another value' if reason.startswith('Invalid enum') else reason}"


@lru_cache(maxsize=256)  # an event says the same time four times
def _seconds(value: object) -> Seconds:
    if type(value) is not str or not _is_time(value):
        raise ValueError("a time is not in UTC with microseconds")
    try:
        # Cut down: floor, not round, also for the fraction.
        return Seconds(datetime.fromisoformat(value[:19] + "+00:00").timestamp())
    except ValueError:
        raise ValueError("a time is none that exists") from None


def _other(_: type, value: object) -> Seconds:
    """msgspec's hook for a type that it does not know: `Seconds` is the only one. Its errors become msgspec's."""
    return _seconds(value)


def _decoder(kind: type[Kind]) -> Callable[[Any], Kind]:
    """A decoder of payloads, text or objects, for a type of event. It raises msgspec's errors and DamagedEvent."""
    from_text = msgspec.json.Decoder(kind, dec_hook=_other).decode

    def decoder(payload: Any) -> Kind:
        event = from_text(payload) if type(payload) is str else msgspec.convert(payload, kind, dec_hook=_other)
        if event.subject != event.whose():
            raise DamagedEvent("payload.subject is not that of the event")
        try:
            _seconds(event.time)
        except ValueError as error:
            raise DamagedEvent(f"payload.time: {error}") from None
        return event

    return decoder


DECODERS: dict[str, Callable[[Any], Event]] = {
    ORDER_PLACED: _decoder(OrderPlaced),
    CLIENT_REGISTERED: _decoder(ClientRegistered),
    CLIENT_CHANGED: _decoder(ClientChanged),
    HEARTBEAT: _decoder(Heartbeat),
}
