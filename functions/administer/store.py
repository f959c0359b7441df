"""Clients and products in PostgreSQL: one call of a database function each (migrations/0006_administration.sql)."""

from __future__ import annotations

from typing import Any, NoReturn

from functions.administer.commands import AddProduct, ChangeClient, ChangeProduct, ClientAt, Product, RegisterClient
from functions.administer.errors import AnotherVersion, KeyReused, UnknownClient, UnknownProduct
from functions.common.database import Database
from functions.common.errors import DatabaseError

_REGISTER_CLIENT = (
    "select id_client, client_version, replayed from register_client(%s, %s, make_interval(hours => %s), %s, %s, %s)"
)
_CHANGE_CLIENT = (
    "select id_client, client_version, replayed"
    " from change_client(%s, %s, make_interval(hours => %s), %s, %s, %s, %s::bigint[], %s)"
)
_ADD_PRODUCT = "select id_product, replayed from add_product(%s, %s, make_interval(hours => %s), %s, %s)"
_CHANGE_PRODUCT = "select id_product, replayed from change_product(%s, %s, make_interval(hours => %s), %s, %s, %s)"


class PostgresAdministration:
    """Carries out commands over a `Database`, remembering answers for `idempotency_hours`; see `Administration`.

    Each is one round trip. The statements may be repeated: the key makes the second execution a look-up.
    """

    def __init__(self, database: Database, idempotency_hours: int) -> None:
        self._database = database
        self._hours = idempotency_hours

    def register_client(self, key: str, request_hash: str, command: RegisterClient) -> ClientAt:
        """Store a client with version 0, and the event that it is there."""
        values = (command.name, command.email, command.traceparent)
        return ClientAt(*self._call(_REGISTER_CLIENT, key, request_hash, *values))

    def change_client(self, key: str, request_hash: str, command: ChangeClient) -> ClientAt:
        """Change a client and store the event of its next version; what changes nothing makes neither."""
        versions = None if command.expected_versions is None else list(command.expected_versions)
        values = (command.id_client, command.name, command.email, versions, command.traceparent)
        return ClientAt(*self._call(_CHANGE_CLIENT, key, request_hash, *values))

    def add_product(self, key: str, request_hash: str, command: AddProduct) -> Product:
        """Store a product."""
        return Product(*self._call(_ADD_PRODUCT, key, request_hash, command.name, command.price))

    def change_product(self, key: str, request_hash: str, command: ChangeProduct) -> Product:
        """Change a product."""
        values = (command.id_product, command.name, command.price)
        return Product(*self._call(_CHANGE_PRODUCT, key, request_hash, *values))

    def _call(self, statement: str, key: str, request_hash: str, *values: Any) -> tuple[Any, ...]:
        try:
            return self._database.repeatable(statement, (key, request_hash, self._hours, *values))
        except DatabaseError as error:
            _refuse(error)


def _refuse(error: DatabaseError) -> NoReturn:
    """Raise the refusal that the database's own SQLSTATE stands for, else the error as it is."""
    match error.sqlstate:
        case "OR001":
            raise UnknownClient(str(error)) from None
        case "OR002":
            raise UnknownProduct(str(error)) from None
        case "OR003":
            raise KeyReused(str(error)) from None
        case "OR007":
            raise AnotherVersion(int(error.detail)) from None
    raise error
