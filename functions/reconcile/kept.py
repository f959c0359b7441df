"""What the read model should hold of a client, what it does hold, and what the difference means.

Events may arrive late and in any order, so not every difference is a fault: an older version, a client or an order
that is not there may be on its way. Another content of the same version is on no way: it is drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from functions.common.events import ClientState, Order
from functions.common.order_text import order_json


@dataclass(frozen=True)
class Kept:
    """A client as the write model has it: its state and its last orders, newest first."""

    client: ClientState
    orders: tuple[Order, ...]

    def fields(self) -> dict[str, str]:
        """The hash that the read model should hold."""
        client = self.client
        return {
            "name": client.name,
            "email": client.email,
            "order_count": str(client.order_count),
            "total": client.total,
            "last_purchase": "" if client.last_purchase is None else str(client.last_purchase),
            "version": str(client.version),
        }

    def members(self) -> dict[str, float]:
        """The orders that it should hold: their JSON with their scores."""
        return {order_json(order): float(order.id) for order in self.orders}


@dataclass(frozen=True)
class Found:
    """What the read model holds of a client; None for a key that is of another type."""

    fields: Mapping[str, str] | None
    orders: Mapping[str, float] | None

    @property
    def version_text(self) -> str:
        """The version as it stands there; empty if there is none."""
        return (self.fields or {}).get("version", "")

    @property
    def version(self) -> int | None:
        """The version; None if there is none that is a number."""
        text = self.version_text
        return int(text) if text.isascii() and text.isdigit() else None


class Verdict(Enum):
    """How what is held stands to what should be."""

    SAME = "same"
    LATE = "late"  # older, or something is not there: perhaps on its way
    DRIFTED = "drifted"  # the same version with another content, or no version at all
    AHEAD = "ahead"  # newer than what it was compared with


@dataclass(frozen=True)
class Difference:
    """A verdict, and the names of the fields that it is about (`orders` for the list). No values: they are personal.

    `oldest_missing` is when the oldest order that is not there was placed, in epoch seconds; None if all are.
    """

    verdict: Verdict
    fields: tuple[str, ...] = ()
    oldest_missing: int | None = None


def judge(kept: Kept, found: Found) -> Difference:
    """Compare what should be with what is."""
    if found.fields is None or found.orders is None:
        return Difference(Verdict.DRIFTED, ("key",))
    if not found.fields:
        return Difference(Verdict.LATE, ("client",))
    if found.version is None:
        return Difference(Verdict.DRIFTED, ("version",))
    if found.version != kept.client.version:
        return Difference(Verdict.LATE if found.version < kept.client.version else Verdict.AHEAD, ("version",))
    wanted = kept.fields()
    wrong = tuple(sorted(name for name in wanted.keys() | found.fields if wanted.get(name) != found.fields.get(name)))
    return Difference(Verdict.DRIFTED, wrong) if wrong else _orders(kept, found.orders)


def _orders(kept: Kept, found: Mapping[str, float]) -> Difference:
    members = kept.members()
    if found == members:
        return Difference(Verdict.SAME)
    # While one of the last orders is on its way, an older one may still have its place.
    least = min(members.values(), default=0.0)
    foreign = any(members.get(member) != score and score >= least for member, score in found.items())
    missing = [order.placed_at for order in kept.orders if order_json(order) not in found]
    if foreign or not missing:
        return Difference(Verdict.DRIFTED, ("orders",))
    return Difference(Verdict.LATE, ("orders",), min(missing))
