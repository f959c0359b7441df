"""Orders' events as place_order writes them, DMS and the pipe wrap them, and SQS hands them to a function."""

from __future__ import annotations

import json
from typing import Any

_TIME = "2026-11-21T06:30:00.123456Z"
_LINES = [{"id": 1, "price": "1500.00", "qty": 1}, {"id": 2, "price": "500.00", "qty": 3}]


def body(client: int, version: int, order: int) -> str:
    """The body of a message: an order with two lines."""
    total = f"{version * 3000}.00"
    event_id = f"28df7e23-98a3-4376-81c3-{order:012}"
    payload = {
        "specversion": "1.0", "id": event_id, "source": "orders", "type": "orders.OrderPlaced.v1",
        "subject": str(client), "time": _TIME, "datacontenttype": "application/json",
        "data": {
            "client": {
                "id": client, "name": f"Client {client}", "email": f"client{client}@shop.example", "version": version,
                "order_count": version, "total": total, "last_purchase": _TIME,
            },
            "order": {"id": order, "total": "3000.00", "placed_at": _TIME, "lines": _LINES},
        },
    }  # fmt: skip
    data = {
        "id": event_id, "aggregate_type": "client", "aggregate_id": str(client), "event_type": payload["type"],
        "version": version, "payload": json.dumps(payload, separators=(",", ":")), "occurred_at": _TIME,
    }  # fmt: skip
    metadata = {
        "timestamp": _TIME, "record-type": "data", "operation": "insert", "partition-key-type": "attribute-name",
        "schema-name": "public", "table-name": "outbox", "transaction-id": order,
    }  # fmt: skip
    return json.dumps({"data": data, "metadata": metadata})


def batches(clients: int, events: int, size: int) -> list[dict[str, Any]]:
    """Events of Lambda with `size` records each, `events` in all: the clients in turn, each with its next version."""
    records = [
        {
            "messageId": f"{number:08}",
            "receiptHandle": "handle",
            "body": body(number % clients + 1, number // clients + 1, number + 1),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number in range(events)
    ]
    return [{"Records": records[start : start + size]} for start in range(0, events, size)]
