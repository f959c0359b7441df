"""The command PlaceOrder, its result, and its one handler.

Knows neither HTTP nor SQL: `body.py` and `handler.py` make the command, an `OrderStore` (`store.py`) carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from functions.common.idempotency import digest, record_key

MAX_LINES = 100
MAX_QUANTITY = 9999
MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class Line:
    """So many of one product."""

    id_product: int
    quantity: int


@dataclass(frozen=True)
class PlaceOrder:
    """A caller's wish that a client order the lines: 1 to 100, each product once, quantities 1 to 9999.

    `idempotency_key` is the caller's, None if there was none. `traceparent` (W3C Trace Context) goes into the event.
    """

    principal: str
    id_client: int
    lines: tuple[Line, ...]
    idempotency_key: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Placed:
    """The order's id, the version that it gave its client, and whether this is the answer to an earlier call."""

    id_order: int
    client_version: int
    replayed: bool


class OrderStore(Protocol):
    """Where orders are placed."""

    def place(self, key: str, request_hash: str, command: PlaceOrder) -> Placed:
        """Place the order once for each `key`; again with the same `request_hash` gives the first answer.

        Raises OrderRefused (errors.py) with nothing stored, DatabaseUnavailable if it is open whether it was placed.
        """
        ...


def place_order(command: PlaceOrder, store: OrderStore) -> Placed:
    """Carry out the command, once for each idempotency key of its caller.

    Without a key from the caller one is made for this call, so that a repetition inside the store (after a lost
    answer) cannot place the order twice.
    """
    return store.place(record_key(command.idempotency_key, command.principal), request_hash(command), command)


def request_hash(command: PlaceOrder) -> str:
    """What a repetition has to agree in: client and lines in their order, however the body was written."""
    return digest([command.id_client, [[line.id_product, line.quantity] for line in command.lines]])
