"""What the stores hold of a drill's clients, as plain values: all that the invariants are checked on.

Amounts are cents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Cents = int


@dataclass(frozen=True)
class StoredOrder:
    """An order in the write model; a line is (product id, quantity)."""

    id: int
    client_id: int
    total: Cents
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class StoredClient:
    """A client in the write model."""

    id: int
    version: int
    order_count: int
    total: Cents


@dataclass(frozen=True)
class OutboxRow:
    """An event in the outbox; `order_id` is None for events without an order."""

    id: str
    client_id: int
    version: int
    order_id: int | None
    order_total: Cents | None


@dataclass(frozen=True)
class ReadClient:
    """A client in the read model; an order is (order id, total in cents), the newest first."""

    id: int
    version: int
    order_count: int
    total: Cents
    orders: tuple[tuple[int, Cents], ...]


@dataclass(frozen=True)
class Slot:
    """The replication slot of the change capture. Positions are bytes in the log.

    Attributes:
        confirmed: the reader has said that it needs nothing before this.
        current: end of the log.
        retained: bytes of log that are kept for the slot.
    """

    active: bool
    confirmed: int
    current: int
    retained: int


@dataclass(frozen=True)
class Evidence:
    """The stores at rest.

    Attributes:
        mails: (recipient, order id) of each mail that left.
        dead_letters: bodies by name of the dead-letter queue.
        waiting: messages that are still in a consumer's queue, by name.
        positions: by shard (the pipe's checkpoint, last record of the shard); sequence numbers, None for no record.
        pruned: rows may have left the outbox, the oldest of a client first.
    """

    clients: Mapping[int, StoredClient]
    orders: Mapping[int, StoredOrder]
    outbox: Sequence[OutboxRow]
    read: Mapping[int, ReadClient]
    mails: Sequence[tuple[str, int]]
    dead_letters: Mapping[str, Sequence[str]]
    slot: Slot
    waiting: Mapping[str, int] = field(default_factory=dict)
    positions: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    pruned: bool = False
