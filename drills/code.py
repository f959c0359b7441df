"""New code for functions of a running twin, made from the zips that it was brought up with."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drills.errors import DrillError
from drills.scene import Scene
from infra.packaging import host_runtime
from infra.packaging.source import ROOT


def package(folder: str, added: Mapping[str, str]) -> bytes:
    """The zip of a function with some more files in it.

    Raises:
        DrillError: the function was not packaged.
    """
    path = ROOT / ".build" / f"{folder}-{host_runtime()}-host.zip"
    if not path.exists():
        raise DrillError(f"There is no {path}: was the twin brought up from this folder?")
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        for name, text in added.items():
            archive.writestr(name, text)
    return content.getvalue()


def deploy(scene: Scene, folder: str, added: Mapping[str, str]) -> None:
    """Give a function new code, as a deployment does: calls under way end on the old one."""
    functions = scene.twin.emulator.client("lambda")
    functions.update_function_code(FunctionName=scene.outputs[f"{folder}_function"], ZipFile=package(folder, added))
    scene.twin.emulator.save()


@contextmanager
def replaced(scene: Scene, folder: str, source: str) -> Iterator[None]:
    """Run a function on a module of another text for a while; it has a function `handle`."""
    functions, name = scene.twin.emulator.client("lambda"), str(scene.outputs[f"{folder}_function"])
    handler = functions.get_function_configuration(FunctionName=name)["Handler"]
    deploy(scene, folder, {"replaced.py": source})
    functions.update_function_configuration(FunctionName=name, Handler="replaced.handle")
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Handler=handler)
        deploy(scene, folder, {})
