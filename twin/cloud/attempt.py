"""One attempt to make, change or remove a resource: whom it may tell how far it is, and when it is to give up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from twin.cloud.errors import CancelledError


def _nobody(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Attempt:
    """Surroundings of one call.

    Args:
        say: takes a sentence on what is being waited for.
        cancelled: set when the user asks to stop.
        timeout_s: the user's own limit for the resource in seconds (`custom_timeouts`); None for the default one.
    """

    say: Callable[[str], None] = _nobody
    cancelled: threading.Event = field(default_factory=threading.Event)
    timeout_s: float | None = None

    def require_wanted(self) -> None:
        """Give up if the user asked to stop.

        Raises:
            CancelledError: so it is.
        """
        if self.cancelled.is_set():
            raise CancelledError("Given up: the run was cancelled.")


_current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


def attempt() -> Attempt:
    """Give the attempt that the current thread works for."""
    return _current.get() or Attempt()


@contextmanager
def attempting(made: Attempt) -> Iterator[None]:
    """Work for an attempt."""
    token = _current.set(made)
    try:
        yield
    finally:
        _current.reset(token)
