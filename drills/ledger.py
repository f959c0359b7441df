"""What a caller knows about the orders that it has placed, kept apart from the system that took them.

An order is *accepted* (201), *refused* (an answer that says nothing was stored), or *unknown*: the connection was
cut, the answer was a 5xx or did not come. An unknown order may or may not be stored; only repeating its
idempotency key settles it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

Line = tuple[int, int]


class Outcome(Enum):
    """What the caller was told."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Order:
    """An order as it is sent.

    Attributes:
        key: idempotency key.
        lines: (product id, quantity) pairs.
        total: what it costs, in cents.
    """

    key: str
    client_id: int
    lines: tuple[Line, ...]
    total: int


@dataclass(frozen=True)
class Answer:
    """What one try came back with.

    Attributes:
        id_order: of an accepted order.
        version: the client's version after an accepted order.
        reason: status or error of anything else.
    """

    outcome: Outcome
    id_order: int | None = None
    version: int | None = None
    reason: str = ""


@dataclass
class Entry:
    """An order and the answers to all tries of it, in order of arrival."""

    order: Order
    answers: list[Answer] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """Accepted if any try was; else refused if the last try was; else unknown.

        A refusal after an unknown try settles it too: nothing is stored under a key that is refused.
        """
        if any(answer.outcome is Outcome.ACCEPTED for answer in self.answers):
            return Outcome.ACCEPTED
        return self.answers[-1].outcome if self.answers else Outcome.UNKNOWN

    @property
    def accepted(self) -> tuple[int, int] | None:
        """Order id and client version that the first acceptance told; None if it was never accepted."""
        for answer in self.answers:
            if answer.id_order is not None and answer.version is not None:
                return answer.id_order, answer.version
        return None


class Ledger:
    """The orders of one drill by their keys. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._clients: dict[int, str] = {}
        self._poison: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def add_client(self, client_id: int, email: str) -> None:
        """Note a client of the drill's own; nobody else may order for it, nor have its address."""
        with self._lock:
            self._clients[client_id] = email

    def add_poison(self, queue: str, body: str) -> None:
        """Note a message that no consumer can take, sent to the queue of this name."""
        with self._lock:
            self._poison.setdefault(queue, []).append(body)

    def send(self, order: Order) -> None:
        """Note an order before it is sent for the first time."""
        with self._lock:
            self._entries[order.key] = Entry(order)

    def note(self, key: str, answer: Answer) -> None:
        """Note what a try came back with."""
        with self._lock:
            self._entries[key].answers.append(answer)

    @property
    def clients(self) -> dict[int, str]:
        """The drill's clients: e-mail address by id."""
        with self._lock:
            return dict(self._clients)

    @property
    def poison(self) -> dict[str, list[str]]:
        """What was sent to break consumers: bodies by name of the queue."""
        with self._lock:
            return {queue: list(bodies) for queue, bodies in self._poison.items()}

    @property
    def entries(self) -> Sequence[Entry]:
        """All orders in the order of their first sending."""
        with self._lock:
            return list(self._entries.values())

    def having(self, outcome: Outcome) -> list[Entry]:
        """The orders with this outcome."""
        return [entry for entry in self.entries if entry.outcome is outcome]

    def count(self, outcome: Outcome) -> int:
        """How many orders have this outcome."""
        return len(self.having(outcome))

    @property
    def accepted(self) -> int:
        """How many orders were accepted so far."""
        return self.count(Outcome.ACCEPTED)
