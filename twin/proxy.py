"""A TCP proxy on loopback that can cut, hold up or slow down what goes through it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

from twin.listener import Listener
from twin.ports import LOOPBACK

CHUNK = 65_536


class Proxy(Listener):
    """Passes bytes on to a port of this machine; a context.

    Args:
        target: port to pass on to.

    Attributes:
        met: connections that came so far, those that were refused too.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.met = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._refusing = False
        self._delay_s = 0.0
        self._flowing = threading.Event()
        self._flowing.set()
        super().__init__("proxy", self._connect)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.cut()

    def cut(self) -> None:
        """End all connections, and every new one at once, until `heal`."""
        self._refusing = True
        self._flowing.set()
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Take connections and bytes, and pass none on, until `heal`: what a dead router looks like."""
        self._flowing.clear()

    def slow(self, seconds: float) -> None:
        """Hold every piece up for so many seconds, until `heal`."""
        self._delay_s = seconds

    def heal(self) -> None:
        """Pass everything on again."""
        self._refusing, self._delay_s = False, 0.0
        self._flowing.set()

    def _connect(self, near: socket.socket) -> None:
        with self._lock:
            self.met += 1
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection((LOOPBACK, self.target), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        with self._lock:
            self._open |= {near, far}
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(CHUNK):
                if self._delay_s:
                    time.sleep(self._delay_s)
                self._flowing.wait()
                target.sendall(content)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
