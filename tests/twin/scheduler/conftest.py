"""A scene on the shared emulator for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.twin.scheduler.scene import Scene
from twin.emulator import Emulator


@pytest.fixture
def make_scene(emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Makes scenes that are stopped after the test."""
    scenes: list[Scene] = []

    def make(on: Emulator = emulator) -> Scene:
        folder = tmp_path / str(len(scenes))
        folder.mkdir()
        scenes.append(Scene(on, folder))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.stop()


@pytest.fixture
def scene(make_scene: Callable[..., Scene]) -> Scene:
    """One scene."""
    return make_scene()
