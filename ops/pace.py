"""An even pace for work in pages: so many clients a second at most."""

from __future__ import annotations

from collections.abc import Callable

MOST_CLIENTS = 100
PAGES_A_SECOND = 4


class Pace:
    """Keeps to `rate` clients a second.

    Attributes:
        page: how many clients to ask for at once: a quarter of a second's, 100 at most.
    """

    def __init__(self, rate: int, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.page = max(1, min(MOST_CLIENTS, rate // PAGES_A_SECOND))
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._since = clock()

    def keep(self, clients: int) -> None:
        """Wait until so many clients since the last call are not too many."""
        rest = clients / self._rate - (self._clock() - self._since)
        if rest > 0:
            self._sleep(rest)
        self._since = self._clock()
