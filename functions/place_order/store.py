"""Orders in PostgreSQL: one call of the database's `place_order` (migrations/0003_place_order.sql)."""

from __future__ import annotations

from typing import NoReturn

from functions.common.database import Database
from functions.common.errors import DatabaseError
from functions.place_order.command import Placed, PlaceOrder
from functions.place_order.errors import (
    ClientTotalTooLarge,
    KeyReused,
    OrderRefused,
    OrderTooLarge,
    UnknownClient,
    UnknownProducts,
)

STATEMENT = (
    "select id_order, client_version, replayed"
    " from place_order(%s, %s, make_interval(hours => %s), %s, %s::bigint[], %s::integer[], %s)"
)


class PostgresOrders:
    """Places orders over a `Database`, remembering answers for `idempotency_hours`."""

    def __init__(self, database: Database, idempotency_hours: int) -> None:
        self._database = database
        self._hours = idempotency_hours

    def place(self, key: str, request_hash: str, command: PlaceOrder) -> Placed:
        """Place the order in one round trip; see `OrderStore`.

        The statement may be repeated: the key makes the second execution a look-up.
        """
        products = [line.id_product for line in command.lines]
        quantities = [line.quantity for line in command.lines]
        parameters = (key, request_hash, self._hours, command.id_client, products, quantities, command.traceparent)
        try:
            id_order, client_version, replayed = self._database.repeatable(STATEMENT, parameters)
        except DatabaseError as error:
            _refuse(error)
        return Placed(id_order, client_version, replayed)


def _refuse(error: DatabaseError) -> NoReturn:
    """Raise the refusal that the database's own SQLSTATE stands for, else the error as it is."""
    if error.sqlstate == "OR002":
        raise UnknownProducts(frozenset(map(int, error.detail.split(",")))) from None
    refusals: dict[str, type[OrderRefused]] = {
        "OR001": UnknownClient,
        "OR003": KeyReused,
        "OR004": OrderTooLarge,
        "OR005": ClientTotalTooLarge,
    }
    if error.sqlstate in refusals:
        raise refusals[error.sqlstate](str(error)) from None
    raise error
