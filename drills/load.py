"""Orders at a given rate from many callers, whatever becomes of those before: an open loop.

An order is sent at its time even if earlier ones are still unanswered, so that a fault meets the load of real callers
and not one that waits politely. Who is late is told (`late_s`): then the machine took no more. `took_s` has how long
each answer took.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drills.caller import Caller
from drills.errors import NotRecovered
from drills.ledger import Answer, Ledger, Order, Outcome

# Product id and price in cents of the seed (migrations/0002_seed.sql).
PRICES: Mapping[int, int] = {1: 150_000, 2: 50_000, 3: 100_000}
SETTLE_PAUSE_S = 0.2
HOLD_PAUSE_S = 0.1


def random_order(key: str, clients: Sequence[int], rng: random.Random) -> Order:
    """Make an order of one to three products for one of the clients."""
    products = rng.sample(sorted(PRICES), rng.randint(1, 3))
    lines = tuple((product, rng.randint(1, 9)) for product in products)
    return Order(key, rng.choice(clients), lines, sum(PRICES[product] * quantity for product, quantity in lines))


class Load:
    """Callers that place orders until stopped; a context.

    Args:
        outputs: the stack's outputs.
        ledger: takes every order before it is sent, and every answer.
        clients: who orders.
        rate: orders a second; None: each caller sends its next order once the last is answered.
        callers: connections; with a rate, the most orders that can be unanswered at a time.
        seed: of the orders.
        port: as for `Caller`.
        most: orders after which to stop.

    Attributes:
        held: True while callers without a rate are to wait.
    """

    def __init__(
        self,
        outputs: Mapping[str, Any],
        ledger: Ledger,
        clients: Sequence[int],
        *,
        rate: float | None,
        callers: int = 16,
        seed: int = 0,
        port: int | None = None,
        most: int | None = None,
        name: str = "order",
    ) -> None:
        self.late_s = 0.0
        self.held = False
        self.took_s: list[float] = []
        self._ledger = ledger
        self._clients = list(clients)
        self._rate = rate
        self._most = most
        self._name = name
        self._rng = random.Random(seed)  # noqa: S311 - orders, no secrets
        self._due: queue.Queue[tuple[float, Order] | None] = queue.Queue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._made = 0
        self._answered = 0
        self._accepted = 0
        work = self._pace if rate is not None else self._next_at_once
        self._threads = [
            threading.Thread(target=self._call, args=(Caller(outputs, port), work), daemon=True) for _ in range(callers)
        ]
        if rate is not None:
            self._threads.append(threading.Thread(target=self._dispatch, daemon=True))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for what is under way."""
        self._stop.set()
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def accepted(self) -> int:
        """Orders that were accepted so far."""
        return self._accepted

    @property
    def answered(self) -> int:
        """Orders whose first try came to an end."""
        return self._answered

    @property
    def done(self) -> bool:
        """Whether `most` orders were answered."""
        return self._most is not None and self._answered >= self._most

    def _make(self) -> Order | None:
        with self._lock:
            if self._most is not None and self._made >= self._most:
                return None
            self._made += 1
            return random_order(f"{self._name}-{self._made}", self._clients, self._rng)

    def _dispatch(self) -> None:
        begun, number = time.monotonic(), 0
        while not self._stop.wait(max(0.0, begun + number / (self._rate or 1) - time.monotonic())):
            order = self._make()
            if order is None:
                return
            self._due.put((begun + number / (self._rate or 1), order))
            number += 1

    def _pace(self) -> Order | None:
        due = self._due.get()
        if due is None:
            return None
        with self._lock:
            self.late_s = max(self.late_s, time.monotonic() - due[0])
        return due[1]

    def _next_at_once(self) -> Order | None:
        while self.held and not self._stop.wait(HOLD_PAUSE_S):
            pass
        return None if self._stop.is_set() else self._make()

    def _call(self, caller: Caller, work: Callable[[], Order | None]) -> None:
        pause_s = 0.0
        while (order := work()) is not None:
            self._ledger.send(order)
            begun = time.monotonic()
            answer = caller.place(order)
            took_s = time.monotonic() - begun
            self._ledger.note(order.key, answer)
            with self._lock:
                self.took_s.append(took_s)
                self._answered += 1
                self._accepted += answer.outcome is Outcome.ACCEPTED
            # Refused connections come back at once: a loop without a rate would only burn the machine.
            pause_s = 0.0 if answer.outcome is Outcome.ACCEPTED else min(0.5, pause_s * 2 + 0.01)
            if self._rate is None and pause_s:
                self._stop.wait(pause_s)
        caller.close()


def settle(ledger: Ledger, outputs: Mapping[str, Any], timeout_s: float = 120.0) -> int:
    """Repeat the key of every unknown order until it is accepted or refused; give how many there were.

    Raises:
        NotRecovered: some are still unknown after `timeout_s` seconds.
    """
    unknown = ledger.having(Outcome.UNKNOWN)
    caller, deadline = Caller(outputs), time.monotonic() + timeout_s
    try:
        for entry in unknown:
            while entry.outcome is Outcome.UNKNOWN:
                answer: Answer = caller.place(entry.order)
                ledger.note(entry.order.key, answer)
                if answer.outcome is not Outcome.UNKNOWN:
                    break
                if time.monotonic() > deadline:
                    raise NotRecovered(f"order {entry.order.key} is unknown after {timeout_s:.0f} s: {answer.reason}")
                time.sleep(SETTLE_PAUSE_S)
    finally:
        caller.close()
    return len(unknown)
