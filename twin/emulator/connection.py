"""Lets a service notice that the caller of the request it is working on has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]

_receive: ContextVar[Receive | None] = ContextVar("receive", default=None)


def remember(receive: Receive) -> Receive:
    """Keep the `receive` of the ASGI request at hand for `caller_gone`; gives it back unchanged."""
    _receive.set(receive)
    return receive


@contextmanager
def caller_gone() -> Iterator[asyncio.Future[Any]]:
    """Give a future that is done once the connection of the request is closed.

    To be used after the body was read: from then on ASGI has nothing more to tell than that.
    """
    receive = _receive.get()
    gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if receive is not None:
        gone = asyncio.ensure_future(receive())
    try:
        yield gone
    finally:
        gone.cancel()
