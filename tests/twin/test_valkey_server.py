"""A server that cannot have its port says so: what else is on it is not taken for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from twin.errors import ProcessError
from twin.servers.valkey import ValkeyServer


def test_a_program_that_says_nothing_is_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = ValkeyServer(tmp_path / "own", taken.getsockname()[1])
        with pytest.raises(ProcessError, match="ended with exit code"):
            server.start()
    assert not server.process.running


def test_another_server_of_the_kind_is_not_ours(tmp_path: Path) -> None:
    other = ValkeyServer(tmp_path / "other")
    other.start()
    try:
        server = ValkeyServer(tmp_path / "own", other.port)
        with pytest.raises(ProcessError, match="ended with exit code"):
            server.start()
        assert other.client().ping()
    finally:
        other.stop()
