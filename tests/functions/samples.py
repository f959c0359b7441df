"""Messages and requests as AWS sends them, for the tests of the functions."""

from __future__ import annotations

import copy
import json
from typing import Any

from functions.common.events import ClientEvent, Heartbeat, OrderPlaced, decode

TIME = "2026-11-21T06:30:00.123456Z"
SECONDS = 1795242600


def order_placed(
    id_client: int = 1, version: int = 1, id_order: int | None = None, name: str = "Bob", time: str = TIME
) -> dict[str, Any]:
    """A payload as place_order writes it; total and count follow from the version."""
    total = f"{version * 3000 % 10**12}.00"
    return {
        "specversion": "1.0",
        "id": f"28df7e23-98a3-4376-81c3-{id_client:06}{version:06}",
        "source": "orders",
        "type": "orders.OrderPlaced.v1",
        "subject": str(id_client),
        "time": time,
        "datacontenttype": "application/json",
        "data": {
            "client": {
                "id": id_client, "name": name, "email": "bob@anemailprovider.com", "version": version,
                "order_count": version, "total": total, "last_purchase": time,
            },
            "order": {
                "id": id_order or version, "total": "3000.00", "placed_at": time,
                "lines": [{"id": 1, "price": "1500.00", "qty": 1}, {"id": 2, "price": "500.00", "qty": 3}],
            },
        },
    }  # fmt: skip


def client_event(
    kind: str = "ClientChanged", id_client: int = 1, version: int = 1, order_count: int = 0, name: str = "Bob"
) -> dict[str, Any]:
    """A payload as record_client_event writes it; the total and the last purchase follow from the count."""
    payload = order_placed(id_client, version, name=name)
    del payload["data"]["order"]
    payload["type"] = f"orders.{kind}.v1"
    payload["data"]["client"].update(order_count=order_count, total=f"{order_count * 3000}.00")
    if order_count == 0:
        payload["data"]["client"]["last_purchase"] = None
    return payload


def heartbeat(beat: int = 1795242600123456) -> dict[str, Any]:
    """A payload as take_heartbeat writes it."""
    payload = order_placed()
    payload.update(type="orders.Heartbeat.v1", subject="heartbeat", data={"beat": beat})
    return payload


def message(payload: object, /, *, operation: str = "insert", **row: object) -> str:
    """An SQS body; a payload that is a dict goes as text, as DMS writes it. `row` overrides columns."""
    event = payload if isinstance(payload, dict) else {}
    client = event.get("data", {}).get("client", {}) if isinstance(event.get("data"), dict) else {}
    data = {
        "id": event.get("id"),
        "aggregate_type": "client",
        "aggregate_id": event.get("subject"),
        "event_type": event.get("type"),
        "version": client.get("version") if isinstance(client, dict) else None,
        "payload": json.dumps(payload, separators=(",", ":")) if isinstance(payload, dict) else payload,
        "occurred_at": event.get("time"),
        **row,
    }
    metadata = {
        "timestamp": TIME, "record-type": "data", "operation": operation, "partition-key-type": "attribute-name",
        "schema-name": "public", "table-name": "outbox", "transaction-id": 1234,
    }  # fmt: skip
    return json.dumps({"data": data, "metadata": metadata})


def decode_order(payload: dict[str, Any]) -> OrderPlaced:
    """The event in a message with this payload, which has to be that of an order."""
    event = decode(message(payload))
    assert isinstance(event, OrderPlaced)
    return event


def decode_client(body: str | bytes) -> ClientEvent:
    """The event in a message, which has to be that of a client."""
    event = decode(body)
    assert not isinstance(event, Heartbeat)
    return event


def batch(*bodies: str) -> dict[str, Any]:
    """An SQS event; message ids are m0, m1, ..."""
    return {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def failed(answer: dict[str, Any]) -> set[str]:
    """The message ids in a partial batch response."""
    return {item["itemIdentifier"] for item in answer["batchItemFailures"]}


_REQUEST: dict[str, Any] = {
    "resource": "/orders",
    "path": "/orders",
    "httpMethod": "POST",
    "headers": {"Content-Type": "application/json"},
    "multiValueHeaders": {"Content-Type": ["application/json"]},
    "queryStringParameters": None,
    "pathParameters": None,
    "requestContext": {
        "requestId": "0c5e4f0e-8f0a-4d8c-9f0e-1d2c3b4a5968",
        "stage": "prod",
        "path": "/prod/orders",
        "authorizer": {"principalId": "demo"},
    },
    "body": None,
    "isBase64Encoded": False,
}

ORDER = {"id_client": 1, "products": [{"id_product": 1, "quantity": 1}, {"id_product": 2, "quantity": 3}]}


def post_order(body: object = None, principal: str = "demo", **headers: str) -> dict[str, Any]:
    """A proxy event of POST /orders; a body that is no text is sent as JSON. Underscores in header names are dashes."""
    return send("POST", "/orders", None, ORDER if body is None else body, principal, **headers)


def send(
    method: str, route: str, id_: object = None, body: object = None, principal: str = "demo", **headers: str
) -> dict[str, Any]:
    """A proxy event of a command; as `post_order`. `id_` takes the place of {id} in the route."""
    event = copy.deepcopy(_REQUEST)
    path = route.replace("{id}", str(id_))
    event.update(httpMethod=method, resource=route, path=path)
    event["pathParameters"] = None if id_ is None else {"id": str(id_)}
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    event["requestContext"]["path"] = f"/prod{path}"
    event["requestContext"]["authorizer"]["principalId"] = principal
    for name, value in headers.items():
        event["headers"][name.replace("_", "-")] = value
        event["multiValueHeaders"][name.replace("_", "-")] = [value]
    return event


def get(path: str, id_client: str, query: dict[str, str] | None = None, **headers: str) -> dict[str, Any]:
    """A proxy event of GET `path`."""
    event = copy.deepcopy(_REQUEST)
    resource = "/clients/{id}/orders" if path.endswith("/orders") else "/clients/{id}"
    event.update(httpMethod="GET", resource=resource, path=path)
    event.update(queryStringParameters=query, pathParameters={"id": id_client})
    event["headers"] = {name.replace("_", "-"): value for name, value in headers.items()} or None
    event["multiValueHeaders"] = None
    event["requestContext"]["path"] = f"/prod{path}"
    return event


def problem(answer: dict[str, Any], status: int) -> dict[str, Any]:
    """The problem document in an answer, which has to be one with this status (RFC 9457)."""
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer["body"])
    assert document["status"] == status
    assert {"type", "title", "detail", "instance"} <= document.keys()
    return document
