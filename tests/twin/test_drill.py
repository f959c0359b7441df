"""A soak of seconds: the code of `make drill SOAK=100000` on the shared system, with a seed that is always the same."""

from __future__ import annotations

from drills.scene import Scene
from drills.soak import faults, soak
from tests.twin.conftest import System

ORDERS = 40
SEED = 11


def test_a_short_soak_loses_and_doubles_nothing(system: System) -> None:
    scene = Scene(system.twin, dict(system.outputs), seed=SEED, clients=4)
    # Without kills of the emulator: what other tests configured is not saved.
    soak(scene, ORDERS, every_s=1.0, possible=faults(emulator=False))
    scene.finish()
    assert scene.result.accepted >= ORDERS
    assert scene.result.recoveries
