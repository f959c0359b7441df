"""Why an order is refused.

::

    OrderRefused
    ├── UnknownClient       no client has the id
    ├── UnknownProducts     some products do not exist; `ids` says which
    ├── KeyReused           the caller used this Idempotency-Key for another order
    ├── OrderTooLarge       the order's total exceeds 999,999,999,999.99
    └── ClientTotalTooLarge with this order the client's total would exceed 999,999,999,999.99
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class OrderRefused(FunctionError):  # noqa: N818 - named by what happened
    """The order was understood and is not accepted; nothing was stored."""


class UnknownClient(OrderRefused):
    """No client has the id."""


class UnknownProducts(OrderRefused):
    """Some products do not exist."""

    def __init__(self, ids: frozenset[int]) -> None:
        super().__init__(f"Unknown products: {sorted(ids)}")
        self.ids = ids


class KeyReused(OrderRefused):
    """The caller used this Idempotency-Key for another order."""


class OrderTooLarge(OrderRefused):
    """The order's total exceeds what a total can hold."""


class ClientTotalTooLarge(OrderRefused):
    """The client's total would exceed what a total can hold."""
