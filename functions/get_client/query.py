"""The query GetClient, its result, and its one handler. Reads the read model only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from functions.common.freshness import read_at_least


@dataclass(frozen=True)
class GetClient:
    """A wish to see a client as of `min_version` at least; None takes what is there."""

    id_client: int
    min_version: int | None = None


@dataclass(frozen=True)
class ClientView:
    """A client at its `version`. `total` is decimal text, `last_purchase` epoch seconds, None without an order."""

    name: str
    email: str
    total: str
    last_purchase: int | None
    order_count: int
    version: int


class ClientViews(Protocol):
    """Where views of clients are."""

    def client(self, id_client: int) -> ClientView | None:
        """The client's view, None if there is none. Raises CacheUnavailable."""
        ...


def get_client(query: GetClient, views: ClientViews, wait_ms: int) -> ClientView | None:
    """Answer the query, waiting up to `wait_ms` for the version it names.

    Raises NotYetProjected if that version does not come in time, CacheUnavailable.
    """
    return read_at_least(lambda: views.client(query.id_client), query.min_version, wait_ms)
