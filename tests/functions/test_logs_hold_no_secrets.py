"""What passes through the functions is not in their logs and metrics: names, addresses, passwords, keys, bodies.

The functions that see such values are run with values that can be found again, on good paths and on bad ones.
(For notify_client, test_notify_once.py does that.)
"""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from functions.administer import handler as administer
from functions.authorize import handler as authorize
from functions.common.telemetry import logger
from functions.get_client import handler as get_client
from functions.list_orders import handler as list_orders
from functions.migrate import handler as migrate
from functions.migrate import migrations
from functions.place_order import handler as place_order
from functions.project_clients import handler as project_clients
from tests.functions.migrated import Orders, migrate_settings
from tests.functions.samples import batch, get, message, post_order, send
from twin.servers.valkey import ValkeyServer

NAME, EMAIL, PASSWORD, KEY, FIELD = (
    "Canaria",
    "canary.address@example.com",
    "canary-password",
    "canary-key",
    "canary-field",
)
CANARIES = [NAME, EMAIL, PASSWORD, KEY, FIELD, "canary", "Canaria", base64.b64encode(f"u:{PASSWORD}".encode()).decode()]
TRACE = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
CLIENT = {"name": NAME, "email": EMAIL}


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """All log lines as CloudWatch gets them, of every level."""
    stream, level = io.StringIO(), logger.log_level
    lines = logging.StreamHandler(stream)
    lines.setFormatter(logger.registered_formatter)
    logger.addHandler(lines)
    logger.setLevel("DEBUG")
    yield stream
    logger.setLevel(level)
    logger._logger.removeHandler(lines)


@pytest.fixture
def functions_(orders: Orders, valkey: ValkeyServer, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments of all functions; PostgreSQL's user is set by `_as`."""
    for name, value in {
        "DATABASE_HOST": orders.settings.host, "DATABASE_PORT": str(orders.settings.port),
        "DATABASE_NAME": orders.settings.name, "DATABASE_SSLMODE": "disable", "DATABASE_AUTH": "secret",
        "CACHE_HOST": valkey.host, "CACHE_PORT": str(valkey.port), "CACHE_TLS": "false", "CACHE_AUTH": "none",
        "READ_WAIT_MS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for function, made in ((place_order, place_order.orders), (administer, administer.administration)):
        monkeypatch.setattr(function, "SecretStore", lambda: orders.secrets)
        made.cache_clear()
    for function in (get_client, list_orders):
        function.views.cache_clear()
    project_clients.read_model.cache_clear()


def _as(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_USER", role)
    monkeypatch.setenv("DATABASE_SECRET_ARN", role)


def _requests(key: str) -> list[tuple[Any, dict[str, Any]]]:
    """Commands with canaries wherever a caller can put some."""
    secret = {
        "Authorization": f"Basic {CANARIES[-1]}",
        "Cookie": PASSWORD,
        "Idempotency_Key": key,
        "traceparent": TRACE,
    }
    bodies: list[object] = [
        CLIENT, {**CLIENT, "name": NAME * 50}, {**CLIENT, "email": f"{EMAIL}@"}, {**CLIENT, FIELD: NAME}, NAME,
        f'{{"name": "{NAME}", "name": "{NAME}"}}', f'{{"name": "{NAME}', [CLIENT],
        {"name": [NAME], "email": {EMAIL: NAME}},
    ]  # fmt: skip
    found = [(administer, send("POST", "/clients", None, one, f"{NAME}-user", **secret)) for one in bodies]
    found += [(administer, send("PATCH", "/clients/{id}", 1, one, f"{NAME}-user", **secret)) for one in bodies]
    found += [(administer, send("POST", "/products", None, {"name": NAME, "price": 1, FIELD: 1}, **secret))]
    found += [(administer, send("POST", "/clients", None, {**CLIENT, "name": "Other"}, f"{NAME}-user", **secret))]
    found += [(administer, send("PATCH", "/clients/{id}", 1, CLIENT, If_Match=f'"{KEY}"'))]
    found += [(administer, send("PATCH", "/clients/{id}", NAME, CLIENT)), (administer, send("DELETE", NAME, 1, CLIENT))]
    found += [
        (place_order, post_order(one, f"{NAME}-user", **secret)) for one in (None, {FIELD: NAME}, NAME, f'{{"{NAME}')
    ]
    return found


def _silent(
    written: io.StringIO, capsys: pytest.CaptureFixture[str], *said: str, secrets: tuple[str, ...] = ()
) -> None:
    out, error = capsys.readouterr()
    everything = written.getvalue() + out + error
    assert [text for text in (*CANARIES, *secrets) if text in everything] == []
    # It was this that was looked through.
    assert [text for text in said if text not in everything] == []


@pytest.mark.usefixtures("functions_")
def test_of_commands_and_their_events(
    orders: Orders, monkeypatch: pytest.MonkeyPatch, written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = set()
    for broken in (False, True):
        if broken:
            # Errors of the server quote rows in their details.
            orders.rows("alter table client add constraint broken check (version < 3) not valid")
            orders.rows("alter table outbox add constraint no_more check (version < 0) not valid")
        for function, event in _requests(f"{KEY}-{broken}"):
            event["path"] = ""  # to the contract's checks, not all of these are calls of the API
            _as("app" if function is place_order else "administrator", monkeypatch)
            statuses.add(function.handle(event, None)["statusCode"])
    assert {200, 201, 400, 412, 422, 500} <= statuses
    secrets = tuple(fields["password"] for fields in orders.secrets.values.values())
    _silent(written, capsys, "client registered", "client changed", "order placed", "request failed", "no_more",
            "ClientsRegistered", "OrdersPlaced", "ab" * 16, secrets=secrets)  # fmt: skip


@pytest.mark.usefixtures("functions_")
def test_of_the_projector_and_the_queries(
    orders: Orders, cache: redis.Redis, monkeypatch: pytest.MonkeyPatch, written: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    _as("administrator", monkeypatch)
    administer.handle(send("POST", "/clients", None, CLIENT, traceparent=TRACE), None)
    [(id_client, text)] = orders.rows("select aggregate_id, payload from outbox")
    payload = json.loads(text)
    damaged = [{**payload, "data": {"client": {**payload["data"]["client"], "total": NAME}}}, {**payload, "type": "x"}]
    cache.set("client:{2}", NAME)
    other = json.loads(text.replace(f'"subject":"{id_client}"', '"subject":"2"').replace(f'"id":{id_client}', '"id":2'))
    bodies = [message(one) for one in (payload, other, *damaged)]
    project_clients.handle(batch(*bodies, f'{{"{NAME}', message(payload, event_type=[NAME])), None)
    for function, path in ((get_client, "/clients/{}"), (list_orders, "/clients/{}/orders")):
        for one, status in ((id_client, 200), ("2", 503), ("3", 404), (NAME, 400)):
            event = get(path.format(one), one, Authorization=CANARIES[-1], Cookie=NAME)
            assert function.handle({**event, "path": ""}, None)["statusCode"] == status
    cache.hset(f"client:{{{id_client}}}", "version", NAME)
    cache.hset(f"client:{{{id_client}}}", "total", EMAIL)
    for function in (get_client, list_orders):
        assert function.handle({**get("/", id_client), "path": ""}, None)["statusCode"] == 500
    monkeypatch.setenv("CACHE_PORT", "1")
    project_clients.read_model.cache_clear()
    assert project_clients.handle(batch(*bodies), None)["batchItemFailures"]
    _silent(written, capsys, "batch projected", "client not projected", "message refused", "batch not projected",
            "request failed", "ProjectionLag", "ab" * 16)  # fmt: skip


def test_of_the_migrations(
    orders: Orders, written: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tuple(fields["password"] for fields in orders.secrets.values.values())
    migrate.migrate(migrate_settings(orders.settings), orders.secrets, migrations.folder)  # type: ignore[arg-type]
    monkeypatch.setattr(migrate.MigrateSettings, "read", lambda _: migrate_settings(orders.settings, "iam"))
    monkeypatch.setattr(migrate, "SecretStore", lambda: orders.secrets)
    migrate.handle({"migrations": "x"}, None)
    _silent(written, capsys, "migrated", secrets=secrets)


@pytest.mark.parametrize(
    "header", [f"Basic {CANARIES[-1]}", f"Bearer {PASSWORD}", f"Basic {PASSWORD}", f"{NAME}:{KEY}"]
)
def test_of_the_authorizer(
    header: str, written: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorize, "credentials", lambda: (_ for _ in ()).throw(RuntimeError("not asked for")))
    method = "arn:aws:execute-api:us-east-1:000000000000:abc123/prod/POST/orders"
    with pytest.raises(Exception) as caught:
        authorize.handle({"type": "TOKEN", "authorizationToken": header, "methodArn": method}, None)
    assert not any(text in str(caught.value) for text in CANARIES)
    _silent(written, capsys)
