"""Telling the engine, and through it the user, how things go."""

from __future__ import annotations

import logging
import threading
from typing import Literal

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

log = logging.getLogger(__name__)

Severity = Literal["debug", "info", "warning", "error"]
_SEVERITIES = {
    "debug": engine_pb2.DEBUG,
    "info": engine_pb2.INFO,
    "warning": engine_pb2.WARNING,
    "error": engine_pb2.ERROR,
}
TIMEOUT_S = 5.0


class EngineLog:
    """The engine that a plugin serves; silent until its address is known."""

    def __init__(self) -> None:
        self._channel: grpc.Channel | None = None
        self._said: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def attach(self, address: str) -> None:
        """Learn where the engine listens."""
        self.close()
        self._channel = grpc.insecure_channel(address)

    def say(self, severity: Severity, text: str, urn: str = "", *, passing: bool = False) -> None:
        """Show a text beside a resource, or beside the stack; `passing` for what is of no interest later.

        An engine that is gone hears nothing, and that is no error of the resource's.
        """
        if self._channel is None:
            return
        request = engine_pb2.LogRequest(severity=_SEVERITIES[severity], message=text, urn=urn, ephemeral=passing)
        try:
            engine_pb2_grpc.EngineStub(self._channel).Log(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            log.info("The engine did not take %r: %s", text, error)

    def say_once(self, severity: Severity, text: str, urn: str = "") -> None:
        """Show a text that was not shown before."""
        with self._lock:
            if (text, urn) in self._said:
                return
            self._said.add((text, urn))
        self.say(severity, text, urn)

    def close(self) -> None:
        """Forget the engine."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
