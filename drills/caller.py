"""Places orders over HTTP as a careful caller does, and says of each try what is known after it."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from drills.ledger import Answer, Order, Outcome

TIMEOUT_S = 20.0
CREATED = 201
# Answers after which the order may be stored all the same, or that say "not now".
UNSURE = frozenset({408, 429})


class Caller:
    """One caller with one connection, kept open. For one thread.

    Args:
        outputs: the stack's outputs: `api_url`, `api_user`, `api_password`.
        port: another port of this machine to connect to, for what stands in between.
    """

    def __init__(self, outputs: Mapping[str, Any], port: int | None = None) -> None:
        url = urlsplit(str(outputs["api_url"]))
        self._path = url.path
        self._host, self._port = str(url.hostname), port or url.port or 80
        credentials = base64.b64encode(f"{outputs['api_user']}:{outputs['api_password']}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {credentials}", "Content-Type": "application/json", "Host": url.netloc
        }  # fmt: skip
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def place(self, order: Order) -> Answer:
        """Send an order once."""
        body = {
            "id_client": order.client_id,
            "products": [{"id_product": product, "quantity": quantity} for product, quantity in order.lines],
        }
        try:
            status, document = self.call("POST", "/orders", body, {"Idempotency-Key": order.key})
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(Outcome.UNKNOWN, reason=f"{type(error).__name__}: {error}")
        if status == CREATED:
            return Answer(Outcome.ACCEPTED, int(document["id_order"]), int(document["client_version"]))
        unsure = status >= 500 or status in UNSURE
        return Answer(Outcome.UNKNOWN if unsure else Outcome.REFUSED, reason=f"{status} {document}")

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send one request and give status and document.

        Raises:
            OSError: the connection was refused or cut, or no answer came in time.
            http.client.HTTPException: the answer was cut.
            ValueError: the answer is no JSON.
        """
        connection = self._connection or http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        self._connection = connection
        try:
            if connection.sock is None:
                connection.connect()
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, self._path + path, content, {**self._headers, **(headers or {})})
            response = connection.getresponse()
            document: dict[str, Any] = json.loads(response.read() or b"{}")
        except BaseException:
            self.close()
            raise
        return response.status, document
