"""Soak: orders as fast as the machine takes them, with a fault every few seconds, and a watch on what may grow."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

import psutil
from rich.console import Console

from drills.errors import InvariantBroken
from drills.kills import PARTS, SENDERS
from drills.load import Load
from drills.progress import progress
from drills.rest import UNREADY
from drills.scene import Scene

CALLERS = 8
WATCH_S = 1.0
# Of our own processes, for any number of orders: they keep a backlog of bounded size and nothing else. Valkey and
# PostgreSQL hold data, and the emulator all that a stream keeps for a day: these are told, and not judged.
BOUNDED = ("capture", "pipe-", "event-source")
MEMORY_BYTES = 400 * 2**20
# Messages in the queues from which the callers wait: a rate that its consumers cannot follow is no rate of the system.
BACKLOG = 1000
# At the worst moment: what came in while nobody read the log, and the segments (16 MiB each) around it.
SLOT_BYTES = 2**30

SILENT = Console(quiet=True)

Fault = Callable[[Scene], None]


def faults(*, emulator: bool = True) -> Mapping[str, Fault]:
    """The faults of a soak by name."""

    def killing(part: str) -> Fault:
        return lambda scene: scene.kill(PARTS[part])

    kills = {f"kill -9 {part}": killing(part) for part in PARTS if emulator or part not in SENDERS}
    return {
        **kills,
        "restart of PostgreSQL": lambda scene: scene.process("postgres").restart(),
        "restart of the pipe": lambda scene: scene.process("pipe-").restart(),
    }


class Watch:
    """Looks at memory, slot and queues every second, on a thread of its own, and holds the load back; a context.

    Attributes:
        memory: largest resident size in bytes of each process so far, by name.
        retained: most bytes of log that the slot has kept.
    """

    def __init__(self, scene: Scene, load: Load) -> None:
        self.memory: dict[str, int] = {}
        self.retained = 0
        self._scene = scene
        self._load = load
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="soak-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Look once; what is down at this moment is passed over."""
        for name, process in self._scene.twin.supervisor.processes.items():
            pid = process.pid
            if pid is not None:
                with contextlib.suppress(psutil.Error):
                    self.memory[name] = max(self.memory.get(name, 0), psutil.Process(pid).memory_info().rss)
        with contextlib.suppress(*UNREADY):
            self.retained = max(self.retained, self._scene.stores.slot().retained)
            self._load.held = sum(self._scene.stores.waiting().values()) > BACKLOG

    def _watch(self) -> None:
        while not self._over.wait(WATCH_S):
            self.look()

    def findings(self) -> list[str]:
        """What grew beyond its bound."""
        grown = [
            f"{name} took {size} bytes of memory"
            for name, size in self.memory.items()
            if name.startswith(BOUNDED) and size > MEMORY_BYTES
        ]
        return grown + ([f"the slot kept {self.retained} bytes of log"] if self.retained > SLOT_BYTES else [])


def soak(
    scene: Scene, orders: int, *, every_s: float, possible: Mapping[str, Fault], console: Console = SILENT
) -> None:
    """Place so many orders with faults in between; the scene's `finish` then checks every invariant.

    Args:
        every_s: seconds from the recovery of one fault to the next.
        possible: faults to draw from.
        console: told how far it is.

    Raises:
        InvariantBroken: memory or the slot grew beyond its bound.
        NotRecovered: orders placed after a fault were not readable within three minutes.
    """
    # Five receives, twelve seconds each, are soon used up with a fault every few seconds.
    scene.mail_repeats = scene.redrives = True
    begun = time.monotonic()
    load = Load(
        scene.outputs, scene.ledger, scene.clients, rate=None, callers=CALLERS, seed=scene.rng.randrange(2**32),
        most=orders, name="soak",
    )  # fmt: skip

    def told() -> str:
        return (
            f"{load.answered:,} of {orders:,} orders, {load.answered / (time.monotonic() - begun):.0f} a second, "
            f"{len(scene.result.recoveries)} faults, {len(watch.findings())} findings"
        )

    with Watch(scene, load) as watch, load, progress(console, told):
        while not load.done:
            pause = time.monotonic() + every_s
            scene.until(lambda until=pause: load.done or time.monotonic() > until, "the pause")  # type: ignore[misc]
            if load.done and scene.result.recoveries:
                break
            name = scene.rng.choice(sorted(possible))
            with scene.fault(name):
                possible[name](scene)
    took_s = time.monotonic() - begun
    scene.result.notes += [
        f"{load.answered / took_s:.0f} orders a second",
        f"{len(scene.result.recoveries)} faults",
        f"slot {watch.retained / 2**20:.0f} MiB at most",
        *(f"{name} {size / 2**20:.0f} MiB" for name, size in sorted(watch.memory.items())),
    ]
    if findings := watch.findings():
        raise InvariantBroken(findings)
