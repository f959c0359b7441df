"""Free ports on loopback."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

import twin.ports
from twin.errors import PortError
from twin.ports import LOOPBACK, free_port, free_ports, is_listening


def test_a_free_port_can_be_bound() -> None:
    port = free_port()
    assert not is_listening(port)
    with socket.create_server((LOOPBACK, port)):
        assert is_listening(port)


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        used, free = taken.getsockname()[1], free_port()
        drawn = iter([used, used, free])
        monkeypatch.setattr("twin.ports.secrets.choice", lambda _: next(drawn))
        assert free_port() == free


def test_no_port_is_one_that_an_outgoing_connection_may_get() -> None:
    known = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(known.read_text().split()[0]) if known.exists() else 32768
    if first < 32768:
        pytest.skip("this system gives lower ports to connections than most do")
    assert all(free_port() < first for _ in range(50))


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
