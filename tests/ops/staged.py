"""A stack on AWS whose services say what a test lets them say, checked against their API models by botocore."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from ops.aws import Aws
from ops.checks.check import Scene
from ops.stack import Stack

PLACE = "eu-central-1:123456789012"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/"
OUTPUTS: dict[str, Any] = {
    "region": "eu-central-1", "account": "123456789012", "database_cluster": "orders-dev",
    "capture_task_arn": "arn:task", "stream_name": "events", "pipe_name": "events", "cache_name": "orders-dev",
    "topic_arn": f"arn:aws:sns:{PLACE}:events", "undelivered_url": QUEUE + "undelivered",
    "project_clients_queue_url": QUEUE + "pc", "project_clients_dead_letter_url": QUEUE + "pc-dead",
    "project_clients_event_types": "orders.A.v1,orders.B.v1", "project_clients_function": "pc",
    "heartbeat_function": "heartbeat-physical", "inspect_stores_function": "inspect", "prune_outbox_schedule": "prune",
    "alarm_lag_seconds": 60, "alarm_slot_bytes": 2e9,
}  # fmt: skip

SLOT = {
    "name": "slot", "plugin": "test_decoding", "database": "orders", "of_this_database": True, "active": True,
    "restart_lsn": "0/1", "confirmed_lsn": "0/1", "wal_status": "reserved", "retained_bytes": 1000,
}  # fmt: skip
DATABASE = {
    "version": "16.4", "in_recovery": False, "connections_used": 10, "connections_max": 100, "outbox_rows": 5,
    "outbox_oldest_s": 50, "clients": 3, "slots": [SLOT],
}  # fmt: skip
CACHE = {
    "version": "8.0", "role": "master", "memory_used": 10**6, "memory_max": 10**9, "evicted_keys": 0, "connections": 3,
    "keys": 5, "heartbeat": {"beat": 1, "arrived_ms": 1, "age_s": 30},
}  # fmt: skip


class Stage:
    """The stack, and what its services say, in the order of the calls."""

    def __init__(self, exits: ExitStack) -> None:
        self.aws = Aws(Stack("dev", dict(OUTPUTS)))
        self.scene = Scene(self.aws)
        self._exits = exits
        self._stubs: dict[str, Stubber] = {}

    def says(self, service: str, operation: str, answer: dict[str, Any]) -> None:
        """The next call of this operation answers so."""
        self._stub(service).add_response(operation, answer)

    def fails(self, service: str, operation: str, code: str, message: str = "no") -> None:
        """The next call of this operation is refused with this code."""
        self._stub(service).add_client_error(operation, code, message)

    def stores(self, database: dict[str, Any] | None = None, cache: dict[str, Any] | None = None) -> None:
        """What inspect_stores answers: all is well, but for what is given."""
        self.invoked("inspect", {"database": {**DATABASE, **(database or {})}, "cache": {**CACHE, **(cache or {})}})

    def invoked(self, function: str, answer: dict[str, Any], **more: Any) -> None:
        """What a function answers."""
        body = json.dumps(answer).encode()
        given = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more}
        self._stub("lambda").add_response("invoke", given, {"FunctionName": function, "Payload": ANY})

    def _stub(self, service: str) -> Stubber:
        if service not in self._stubs:
            self._stubs[service] = self._exits.enter_context(Stubber(self.aws.client(service)))
        return self._stubs[service]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stack on AWS, played by botocore."""
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with ExitStack() as exits:
        yield Stage(exits)


Say = Callable[[Stage], None]
