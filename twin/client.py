"""A client of the orders API, as another team would write it from `openapi.yaml`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from twin.errors import TwinError

TIMEOUT_S = 30.0


class ApiError(TwinError):
    """The API answered something else than it should."""


class OrdersClient:
    """Places orders and reads clients over HTTP with Basic credentials.

    Args:
        outputs: the stack's outputs: `orders_url`, `clients_url`, `api_user`, `api_password`.
    """

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        self._orders_url = str(outputs["orders_url"])
        self._clients_url = str(outputs["clients_url"])
        # trust_env off: a proxy of the user's is of no use for an address on this machine.
        self._http = httpx.Client(
            auth=(str(outputs["api_user"]), str(outputs["api_password"])), timeout=TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def order(self, client_id: int, products: Sequence[tuple[int, int]], key: str | None = None) -> httpx.Response:
        """Post an order of (product id, quantity) pairs, with an Idempotency-Key if given."""
        body = {
            "id_client": client_id,
            "products": [{"id_product": product, "quantity": quantity} for product, quantity in products],
        }
        return self._http.post(self._orders_url, json=body, headers={"Idempotency-Key": key} if key else {})

    def client(self, client_id: int, min_version: int | None = None) -> httpx.Response:
        """Get the read model's state of a client."""
        params = {} if min_version is None else {"min_version": min_version}
        return self._http.get(f"{self._clients_url}/{client_id}", params=params)

    def orders(self, client_id: int) -> httpx.Response:
        """Get a client's last orders."""
        return self._http.get(f"{self._clients_url}/{client_id}/orders")

    def wait_for_version(self, client_id: int, version: int, timeout_s: float = 20.0) -> dict[str, Any]:
        """Read a client until the read model has this version of it.

        Raises:
            ApiError: it had not after `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            response = self.client(client_id, version)
            if response.status_code == httpx.codes.OK and response.json()["version"] >= version:
                found: dict[str, Any] = response.json()
                return found
            if time.monotonic() > deadline:
                raise ApiError(
                    f"Client {client_id} did not reach version {version} in the read model within {timeout_s:.0f} s; "
                    f"the last answer was {response.status_code} {response.text}"
                )
