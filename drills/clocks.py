"""Drills: the clock of a part jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drills.registry import drill
from drills.scene import Scene

# Far enough to end any pause that were measured by it; less than the pipe's maximum age of a record (12 hours).
JUMPS_S = (3600.0, -3600.0)
PARTS = {"capture": "capture", "pipe": "pipe-", "projector-mapping": "event-source-orders-local-project"}
ORDERS_BETWEEN = 8


@contextmanager
def _on_wrong_clock(scene: Scene, prefix: str, offset_s: float) -> Iterator[None]:
    process = scene.process(prefix)
    usual = list(process.argv)
    # python -m MODULE SPEC becomes python -m drills.clock OFFSET MODULE SPEC
    process.argv[2:3] = ["drills.clock", str(offset_s), usual[2]]
    process.restart()
    try:
        yield
    finally:
        process.argv[:] = usual
        process.restart()


def _jump(part: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        with scene.load() as load:
            for offset_s in JUMPS_S:
                with (
                    scene.fault(f"clock of {part} off by {offset_s:+.0f} s"),
                    _on_wrong_clock(scene, PARTS[part], offset_s),
                ):
                    scene.orders(load, ORDERS_BETWEEN)
                    scene.probe()

    return run


for _part in PARTS:
    drill(f"clock-{_part}", "a clock that jumps delays, and loses nothing")(_jump(_part))
