"""A running emulator for the tests that do not stop it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twin.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that tests share."""
    running = Emulator(tmp_path_factory.mktemp("emulator"))
    running.start()
    yield running
    running.stop()
