"""Takes connections on a free port of loopback, each on a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from twin.ports import LOOPBACK


class Listener:
    """Listens from the start; a context that listens no more at its end.

    Args:
        name: of the thread that takes connections, before the port.
        serve: is called with each connection, and closes it.
    """

    def __init__(self, name: str, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, name=f"{name}-{self.port}", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # shutdown, not close alone: that would leave the accepting thread where it waits.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):  # it left at once
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()
