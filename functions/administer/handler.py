"""POST and PATCH of clients and products: from API Gateway's event to a command, and from its result to the answer.

One function for all four: they are called seldom, and each function of its own would keep a connection to the database.
Statuses as for POST /orders (functions/common/body.py, headers.py); 404 for the client or product in the path, 412 if
the client has another version than If-Match names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from functions.administer import body, commands
from functions.administer.commands import Administration, ClientAt
from functions.administer.errors import AdministrationRefused, AnotherVersion, KeyReused, UnknownClient, UnknownProduct
from functions.administer.store import PostgresAdministration
from functions.common.body import read_body
from functions.common.database import Database, login
from functions.common.gateway import Request, Response, answer
from functions.common.headers import expected_versions, idempotency_key, key_reused
from functions.common.parameters import path_id
from functions.common.problems import FieldError, Problem, unknown_client
from functions.common.secret_store import SecretStore
from functions.common.settings import DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import MetricUnit, logger, metrics

Store = Callable[[], Administration]


@cache
def administration() -> Administration:
    """The store that the environment names, made at the first request; its connection outlives requests."""
    environment = Environment()
    settings = DatabaseSettings.read(environment)
    account = LoginSettings.read(environment)
    hours = environment.integer("IDEMPOTENCY_HOURS", 24, least=1, most=24 * 365)
    return PostgresAdministration(Database(settings, login(account, settings, SecretStore())), hours)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return answer(event, lambda request: respond(request, administration))


def respond(request: Request, store: Store) -> Response:
    """Answer one request; `store` gives the Administration, and is called only for a sound command.

    Raises Problem for whatever is refused, KeyError for a route that is none of ROUTES.
    """
    # A route that is not here was wired to this function by mistake: a 500 and a line in the log, by the KeyError.
    carry_out = ROUTES[request.method, request.route]
    try:
        return carry_out(request, store)
    except AdministrationRefused as refusal:
        logger.info("command refused", reason=type(refusal).__name__)
        raise _problem(refusal, request) from None


def register_client(request: Request, store: Store) -> Response:
    """POST /clients: 201, and where the client can be read as soon as the read model knows it."""
    key = idempotency_key(request)
    new = read_body(request, body.NewClient, _invalid_client)
    command = commands.RegisterClient(request.principal, new.name, new.email, key, request.traceparent)
    done = commands.register_client(command, store())
    _count("ClientsRegistered", replayed=done.replayed)
    location = f"{request.base_path}/clients/{done.id_client}?min_version={done.client_version}"
    facts = {"id_client": done.id_client, "replayed": done.replayed}
    return Response(201, _client_json(done), {"Location": location}, "client registered", facts)


def change_client(request: Request, store: Store) -> Response:
    """PATCH /clients/{id}: 200 with the version that the client has now."""
    id_client, versions = path_id(request, "id"), expected_versions(request)
    change = read_body(request, body.ClientChange, _invalid_client)
    command = commands.ChangeClient(id_client, change.name, change.email, versions, request.traceparent)
    done = commands.change_client(command, store())
    _count("ClientsChanged")
    facts = {"id_client": id_client, "client_version": done.client_version}
    return Response(200, _client_json(done), message="client changed", facts=facts)


def add_product(request: Request, store: Store) -> Response:
    """POST /products: 201."""
    key = idempotency_key(request)
    new = read_body(request, body.NewProduct, _invalid_product)
    done = commands.add_product(commands.AddProduct(request.principal, new.name, new.price, key), store())
    _count("ProductsAdded", replayed=done.replayed)
    facts = {"id_product": done.id_product, "replayed": done.replayed}
    return Response(201, json.dumps({"id_product": done.id_product}), message="product added", facts=facts)


def change_product(request: Request, store: Store) -> Response:
    """PATCH /products/{id}: 200."""
    id_product = path_id(request, "id")
    change = read_body(request, body.ProductChange, _invalid_product)
    done = commands.change_product(commands.ChangeProduct(id_product, change.name, change.price), store())
    _count("ProductsChanged")
    product = {"id_product": done.id_product}
    return Response(200, json.dumps(product), message="product changed", facts=product)


ROUTES: dict[tuple[str, str], Callable[[Request, Store], Response]] = {
    ("POST", "/clients"): register_client,
    ("PATCH", "/clients/{id}"): change_client,
    ("POST", "/products"): add_product,
    ("PATCH", "/products/{id}"): change_product,
}


def _client_json(done: ClientAt) -> str:
    return json.dumps({"id_client": done.id_client, "client_version": done.client_version})


def _count(metric: str, *, replayed: bool = False) -> None:
    metrics.add_metric(name="CommandsReplayed" if replayed else metric, unit=MetricUnit.Count, value=1)


def _invalid_client(errors: list[FieldError]) -> Problem:
    detail = "The client cannot be stored as it stands; see errors."
    return Problem(422, "invalid-client", "Invalid client", detail, errors)


def _invalid_product(errors: list[FieldError]) -> Problem:
    detail = "The product cannot be stored as it stands; see errors."
    return Problem(422, "invalid-product", "Invalid product", detail, errors)


def _problem(refusal: AdministrationRefused, request: Request) -> Problem:
    match refusal:
        case UnknownClient():
            return unknown_client(path_id(request, "id"))
        case UnknownProduct():
            detail = f"There is no product {path_id(request, 'id')}."
            return Problem(404, "unknown-product", "Unknown product", detail)
        case AnotherVersion():
            detail = f"The client has version {refusal.version}, which If-Match does not name."
            return Problem(412, "precondition-failed", "Precondition failed", detail)
        case KeyReused():
            return key_reused()
    raise refusal
