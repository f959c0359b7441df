"""The commands of the administration, their results, and one handler for each.

Knows neither HTTP nor SQL: `body.py` and `handler.py` make the commands, an `Administration` (`store.py`) carries them
out. A command changes nothing but what it names: an order's lines keep the prices they were placed with, and
totals are those of orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from functions.common.idempotency import digest, record_key


@dataclass(frozen=True)
class RegisterClient:
    """A caller's wish that there be a client; its e-mail address need not be the only one of its kind."""

    principal: str
    name: str
    email: str
    idempotency_key: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class ChangeClient:
    """A wish that a client have another name or e-mail address; None keeps what there is.

    `expected_versions`: only if the client has one of these; None for any.
    """

    id_client: int
    name: str | None
    email: str | None
    expected_versions: tuple[int, ...] | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class AddProduct:
    """A caller's wish that there be a product; `price` has two decimals at most."""

    principal: str
    name: str
    price: Decimal
    idempotency_key: str | None = None


@dataclass(frozen=True)
class ChangeProduct:
    """A wish that a product have another name or price from now on; None keeps what there is."""

    id_product: int
    name: str | None
    price: Decimal | None


@dataclass(frozen=True)
class ClientAt:
    """A client and the version that the command left it at. `replayed`: the answer is that of an earlier call."""

    id_client: int
    client_version: int
    replayed: bool


@dataclass(frozen=True)
class Product:
    """A product. `replayed`: the answer is that of an earlier call."""

    id_product: int
    replayed: bool


class Administration(Protocol):
    """Where clients and products are kept.

    Each method carries its command out once for each `key`; again with the same `request_hash` gives the first answer.
    Each raises AdministrationRefused (errors.py) with nothing stored, DatabaseUnavailable if it is open whether
    it was carried out.
    """

    def register_client(self, key: str, request_hash: str, command: RegisterClient) -> ClientAt:
        """Store a client with version 0, and the event that it is there."""
        ...

    def change_client(self, key: str, request_hash: str, command: ChangeClient) -> ClientAt:
        """Change a client and store the event of its next version; what changes nothing makes neither."""
        ...

    def add_product(self, key: str, request_hash: str, command: AddProduct) -> Product:
        """Store a product."""
        ...

    def change_product(self, key: str, request_hash: str, command: ChangeProduct) -> Product:
        """Change a product."""
        ...


def register_client(command: RegisterClient, store: Administration) -> ClientAt:
    """Register the client, once for each idempotency key of its caller."""
    key = record_key(command.idempotency_key, "register_client", command.principal)
    return store.register_client(key, digest([command.name, command.email]), command)


def change_client(command: ChangeClient, store: Administration) -> ClientAt:
    """Change the client. The key is this call's own, for a repetition inside the store after a lost answer."""
    return store.change_client(record_key(None), "", command)


def add_product(command: AddProduct, store: Administration) -> Product:
    """Add the product, once for each idempotency key of its caller; 5, 5.0 and "5.00" are the same price."""
    key = record_key(command.idempotency_key, "add_product", command.principal)
    return store.add_product(key, digest([command.name, f"{command.price:.2f}"]), command)


def change_product(command: ChangeProduct, store: Administration) -> Product:
    """Change the product. The key is this call's own, as for `change_client`."""
    return store.change_product(record_key(None), "", command)
