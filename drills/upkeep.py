"""Drills: the network fails under what looks after the system: schedules' functions, and an operator's commands.

Each of them may fail while it does, with a sentence; given again afterwards, it ends well.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from drills.detour import in_functions
from drills.networks import FAULT_S, failures, require_use
from drills.operator import command
from drills.registry import drill
from drills.scene import Scene
from ops.aws import Aws
from ops.errors import OpsError
from ops.functions import invoke
from ops.rebuild import rebuild
from ops.reconcile import reconcile
from ops.stack import of_twin
from twin.cloud.context import write_private
from twin.ports import LOOPBACK
from twin.proxy import Proxy

PROMISE = "who looks after the system is told that it cannot, and can again afterwards"
BEAT_MS = 20_000

# Gives the proxy and the file of outputs that an operator's commands read.
Detour = Callable[[Scene], AbstractContextManager[tuple[Proxy, Path]]]
Task = Callable[[], bool]


def _functions_to(server: str, folders: list[str]) -> Detour:
    @contextmanager
    def detour(scene: Scene) -> Iterator[tuple[Proxy, Path]]:
        with (
            Proxy(int(scene.outputs[f"{server}_port"])) as proxy,
            in_functions(scene, folders, {f"{server.upper()}_PORT": str(proxy.port)}),
        ):
            yield proxy, scene.twin.folder.outputs_file

    return detour


@contextmanager
def _operator_to_aws(scene: Scene) -> Iterator[tuple[Proxy, Path]]:
    file = scene.twin.folder.data / "outputs-by-proxy.json"
    with Proxy(scene.twin.emulator.port) as proxy:
        outputs = json.loads(scene.twin.folder.outputs_file.read_text("utf-8"))
        outputs["aws_endpoint_url"] = f"http://{LOOPBACK}:{proxy.port}"
        write_private(file, json.dumps(outputs))
        yield proxy, file
        file.unlink()


PAIRS: dict[str, Detour] = {
    "upkeep-database": _functions_to("database", ["prune_outbox", "heartbeat", "reconcile"]),
    "upkeep-cache": _functions_to("cache", ["heartbeat", "reconcile"]),
    "operator-aws": _operator_to_aws,
}


def _tasks(file: Path) -> dict[str, Task]:
    def answers(folder: str, payload: dict[str, Any], member: str) -> Task:
        return lambda: member in (found := invoke(Aws(of_twin(file)), folder, payload)) and found[member] is not False

    return {
        "prune": answers("prune_outbox", {}, "events"),
        "heartbeat": answers("heartbeat", {"wait_ms": BEAT_MS}, "arrived"),
        "rebuild": lambda: command(file, rebuild, rate=10_000, resume=True) == 0,
        "reconcile": lambda: command(file, reconcile, rate=10_000) == 0,
    }


def _fail(pair: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        failed: list[str] = []

        def try_once(name: str, task: Task) -> bool:
            try:
                return task()
            except (OpsError, ClientError) as error:
                failed.append(f"{name}: {error}")
                return False

        with PAIRS[pair](scene) as (proxy, file), scene.load() as load:
            tasks = _tasks(file)
            scene.orders(load, 4)
            for fault, fail in failures(proxy):
                with scene.fault(f"{pair} {fault}"):
                    fail()
                    trying = [threading.Thread(target=try_once, args=one) for one in tasks.items()]
                    for thread in trying:
                        thread.start()
                    time.sleep(FAULT_S)
                    proxy.heal()
                    for thread in trying:
                        thread.join()
                for name, task in tasks.items():
                    scene.until(lambda name=name, task=task: try_once(name, task), f"{name} ends well")  # type: ignore[misc]
            require_use(proxy)
        scene.result.notes.append(f"{len(failed)} calls failed with a sentence")

    return run


for _pair in PAIRS:
    drill(f"network-{_pair}", PROMISE)(_fail(_pair))
