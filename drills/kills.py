"""Drills: parts are killed with SIGKILL while orders come in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psutil

from drills.registry import drill
from drills.scene import Scene

LOSES_NOTHING = "a crash loses nothing and doubles nothing"
TIMES = 1
ORDERS_BETWEEN = 8
# Name of the drill: beginning of the process's name.
PARTS = {
    "capture": "capture",
    "pipe": "pipe-",
    "projector-mapping": "event-source-orders-local-project",
    "mailer-mapping": "event-source-orders-local-notify",
    "postgres": "postgres",
    "valkey": "valkey",
    "emulator": "emulator",
}
# What functions run in. All of them start anew at once then, which takes longer than their timeout on a busy machine:
# a message may use up its receives meanwhile, and be a dead letter that an operator redrives.
HOSTS = frozenset({"emulator"})
# What sends mails, or is in the middle of it.
SENDERS = frozenset({"mailer-mapping", "emulator"})


def _kill(part: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        scene.mail_repeats = part in SENDERS
        scene.redrives = part in HOSTS
        with scene.load() as load:
            for _ in range(TIMES):
                scene.orders(load, ORDERS_BETWEEN)
                with scene.fault(f"kill -9 {part}"):
                    scene.kill(PARTS[part])

    return run


for _part in PARTS:
    drill(f"kill-{_part}", LOSES_NOTHING)(_kill(_part))


@drill("kill-functions", LOSES_NOTHING)
def kill_functions(scene: Scene) -> None:
    """All processes that functions run in, whatever they are doing."""
    scene.mail_repeats = scene.redrives = True
    with scene.load() as load:
        for _ in range(TIMES):
            scene.orders(load, ORDERS_BETWEEN)
            with scene.fault("kill -9 of all function workers"):
                for worker in scene.workers():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        worker.kill()


@drill("kill-several", LOSES_NOTHING)
def kill_several(scene: Scene) -> None:
    """Two to four parts at once, drawn by the seed."""
    scene.mail_repeats = scene.redrives = True
    with scene.load() as load:
        for _ in range(TIMES):
            scene.orders(load, ORDERS_BETWEEN)
            parts = scene.rng.sample(sorted(PARTS), scene.rng.randint(2, 4))
            with scene.fault("kill -9 " + " ".join(parts)):
                scene.kill(*(PARTS[part] for part in parts))


@drill("kill-everything", LOSES_NOTHING)
def kill_everything(scene: Scene) -> None:
    """Every process of the system at once, as when a machine dies."""
    scene.mail_repeats = scene.redrives = True
    with scene.load() as load:
        scene.orders(load, ORDERS_BETWEEN)
        with scene.fault("kill -9 of every process"):
            scene.kill(*PARTS.values())
        scene.orders(load, ORDERS_BETWEEN)
