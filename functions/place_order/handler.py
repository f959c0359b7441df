"""POST /orders: from API Gateway's event to the command PlaceOrder, and from its result to the answer.

201 with the order's id and the client's version; Location is where the order can be read, as soon as the read model
has that version. An unknown client or product is a 422: the resource that was asked for (/orders) exists, the
instructions cannot be followed. So is an Idempotency-Key that came before with another order.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from functions.common.database import Database, login
from functions.common.gateway import Request, Response, answer
from functions.common.headers import idempotency_key, key_reused
from functions.common.problems import FieldError, Problem
from functions.common.secret_store import SecretStore
from functions.common.settings import DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.place_order.body import invalid_order, read_order
from functions.place_order.command import OrderStore, PlaceOrder, place_order
from functions.place_order.errors import (
    ClientTotalTooLarge,
    KeyReused,
    OrderRefused,
    OrderTooLarge,
    UnknownClient,
    UnknownProducts,
)
from functions.place_order.store import PostgresOrders

MAX_TOTAL = "999999999999.99"


@cache
def orders() -> OrderStore:
    """The store that the environment names, made at the first request; its connection outlives requests."""
    environment = Environment()
    settings = DatabaseSettings.read(environment)
    account = LoginSettings.read(environment)
    hours = environment.integer("IDEMPOTENCY_HOURS", 24, least=1, most=24 * 365)
    return PostgresOrders(Database(settings, login(account, settings, SecretStore())), hours)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return answer(event, lambda request: respond(request, orders))


def respond(request: Request, store: Any) -> Response:
    """Answer one request; `store` gives the OrderStore, and is called only for an order that could be placed.

    Raises Problem for whatever is refused.
    """
    command = read_command(request)
    try:
        placed = place_order(command, store())
    except OrderRefused as refusal:
        logger.info("order refused", id_client=command.id_client, reason=type(refusal).__name__)
        raise _problem(refusal, command) from None
    metrics.add_metric(name="OrdersReplayed" if placed.replayed else "OrdersPlaced", unit=MetricUnit.Count, value=1)
    ids = {"id_order": placed.id_order, "client_version": placed.client_version}
    location = f"{request.base_path}/clients/{command.id_client}/orders?min_version={placed.client_version}"
    return Response(
        201,
        json.dumps({"message": "Order created successfully!", **ids}),
        {"Location": location},
        "order placed",
        {**ids, "id_client": command.id_client, "replayed": placed.replayed},
    )


def read_command(request: Request) -> PlaceOrder:
    """The command in a request; raises Problem 400, 413, 415 or 422."""
    key = idempotency_key(request)
    id_client, lines = read_order(request)
    return PlaceOrder(request.principal, id_client, lines, key, request.traceparent)


def _problem(refusal: OrderRefused, command: PlaceOrder) -> Problem:
    match refusal:
        case UnknownClient():
            return invalid_order([FieldError(("id_client",), f"There is no client {command.id_client}.")])
        case UnknownProducts():
            return invalid_order(
                [
                    FieldError(("products", position, "id_product"), f"There is no product {line.id_product}.")
                    for position, line in enumerate(command.lines)
                    if line.id_product in refusal.ids
                ]
            )
        case OrderTooLarge():
            return invalid_order([FieldError(("products",), f"The order's total exceeds {MAX_TOTAL}.")])
        case ClientTotalTooLarge():
            return invalid_order([FieldError(("products",), f"The client's total would exceed {MAX_TOTAL}.")])
        case KeyReused():
            return key_reused()
    raise refusal
