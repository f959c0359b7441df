"""Lets requests that wait for data sleep until some arrives."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class Wake(threading.Event):
    """The event that ministack's services set after each write that a consumer may wait for.

    ministack only polls it from its own event source mapping thread. Here it
    also ends the wait of every coroutine that holds a ticket, at once, from
    whatever thread it is set.

    A ticket is taken before looking for data, and waited for if there was
    none: what arrives in between ends the wait immediately.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self.closed = False  # nobody is to wait any more

    def ticket(self) -> asyncio.Future[None]:
        """Give a future that is done at the next `set`. Called on the event loop; must be waited for."""
        self._loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.add(waiter)
        return waiter

    async def wait_for(self, ticket: asyncio.Future[None], timeout_s: float, *others: asyncio.Future[Any]) -> None:
        """Wait until the ticket or one of the others is done, at most `timeout_s` seconds; gives the ticket back."""
        try:
            await asyncio.wait([ticket, *others], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.discard(ticket)

    def close(self) -> None:
        """End all waits, and every one to come: the server is about to stop. Called on the event loop."""
        self.closed = True
        self._release()

    def discard(self, ticket: asyncio.Future[None]) -> None:
        """Give back a ticket that is not needed."""
        self._waiters.discard(ticket)
        ticket.cancel()

    def set(self) -> None:
        """Tell that something was written. From any thread."""
        super().set()
        loop = self._loop
        if loop is None:
            return
        try:
            on_loop = asyncio.get_running_loop() is loop
        except RuntimeError:
            on_loop = False
        if on_loop:
            self._release()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
