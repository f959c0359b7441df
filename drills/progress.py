"""How far something long has come: a line that renews itself on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

RENEWED_S = 1.0
PRINTED_S = 60.0


@contextmanager
def progress(
    console: Console, look: Callable[[], str], *, renewed_s: float = RENEWED_S, printed_s: float = PRINTED_S
) -> Iterator[None]:
    """Tell what `look` says while the block runs: every second on a terminal, one plain line a minute elsewhere."""
    over = threading.Event()

    def renew() -> None:
        with console.status(look()) as status:
            while not over.wait(renewed_s):
                status.update(look())

    def print_now_and_then() -> None:
        while not over.wait(printed_s):
            console.print(look(), markup=False, soft_wrap=True)

    console.print()
    telling = threading.Thread(target=renew if console.is_terminal else print_now_and_then, daemon=True)
    telling.start()
    try:
        yield
    finally:
        over.set()
        telling.join()
