"""Waiting for the read model to reach a version: reading one's own writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from functions.common.errors import NotYetProjected

FIRST_STEP_S = 0.005
LONGEST_STEP_S = 0.05


class Versioned(Protocol):
    """What was read, with the version it had."""

    @property
    def version(self) -> int:
        """The client's version."""
        ...


View = TypeVar("View", bound=Versioned)


def read_at_least(
    read: Callable[[], View | None],
    min_version: int | None,
    wait_ms: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> View | None:
    """Read until the view has `min_version`, for `wait_ms` at most; None as version takes what is there.

    Returns None only for no version and nothing there: who names a version, be it 0, has seen the client exist. Raises
    NotYetProjected when the time is up.
    """
    deadline = clock() + wait_ms / 1000
    step = FIRST_STEP_S
    while True:
        view = read()
        if min_version is None or (view is not None and view.version >= min_version):
            return view
        left = deadline - clock()
        if left <= 0:
            raise NotYetProjected(f"The read model has not reached version {min_version} within {wait_ms} ms.")
        sleep(min(step, left))
        step = min(step * 1.5, LONGEST_STEP_S)
