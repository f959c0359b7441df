"""Has a part of the twin reach another by another port, where a proxy stands in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drills.scene import Scene
from twin.cloud.context import write_private
from twin.ports import LOOPBACK

Document = dict[str, Any]
FUNCTION_UPDATE_S = 30.0


@contextmanager
def changed_specification(scene: Scene, prefix: str, change: Callable[[Document], None]) -> Iterator[None]:
    """Run a process of the twin on a changed specification for a while; it is restarted before and after."""
    process = scene.process(prefix)
    path = Path(process.argv[-1])
    original = path.read_text("utf-8")
    document = json.loads(original)
    change(document)
    write_private(path, json.dumps(document, indent=1))
    process.restart()
    try:
        yield
    finally:
        write_private(path, original)
        process.restart()


def credentials(scene: Scene, prefix: str) -> dict[str, str | None]:
    """As whom, and in which region, a process of the twin calls AWS."""
    document = json.loads(Path(scene.process(prefix).argv[-1]).read_text("utf-8"))
    found: dict[str, str | None] = document["aws"]
    return found


@contextmanager
def to_aws(scene: Scene, prefix: str, port: int) -> Iterator[None]:
    """Have a process of the twin reach the emulator by another port."""

    def change(document: Document) -> None:
        document["aws"]["endpoint_url"] = f"http://{LOOPBACK}:{port}"

    with changed_specification(scene, prefix, change):
        yield


@contextmanager
def to_source(scene: Scene, port: int) -> Iterator[None]:
    """Have the change capture reach PostgreSQL by another port."""

    def change(document: Document) -> None:
        document["source"]["port"] = port

    with changed_specification(scene, "capture", change):
        yield


@contextmanager
def in_functions(scene: Scene, folders: list[str], variables: Mapping[str, str]) -> Iterator[None]:
    """Run functions with other environment variables for a while."""
    functions = scene.twin.emulator.client("lambda")
    before: dict[str, dict[str, str]] = {}
    for folder in folders:
        name = str(scene.outputs[f"{folder}_function"])
        before[name] = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        _update(functions, name, {**before[name], **variables})
    try:
        yield
    finally:
        for name, environment in before.items():
            _update(functions, name, environment)


def _update(functions: Any, name: str, variables: Mapping[str, str]) -> None:
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": dict(variables)})
    deadline = time.monotonic() + FUNCTION_UPDATE_S
    while functions.get_function_configuration(FunctionName=name).get("LastUpdateStatus") == "InProgress":
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
