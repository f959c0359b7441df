"""Free ports on loopback."""

from __future__ import annotations

import errno
import os
import socket

import pytest

import twin.ports
from twin.errors import PortError
from twin.ports import LOOPBACK, free_port, free_ports, is_listening


def test_a_free_port_can_be_bound() -> None:
    port = free_port()
    assert not is_listening(port)
    with socket.create_server((LOOPBACK, port)):
        assert is_listening(port)


def test_several_ports_are_different(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([7, 7, 3, 7, 5])
    monkeypatch.setattr(twin.ports, "free_port", lambda: next(drawn))
    assert free_ports(3) == [3, 5, 7]


def test_no_free_port_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortError, match=r"No free TCP port on 127\.0\.0\.1"):
        free_port()
