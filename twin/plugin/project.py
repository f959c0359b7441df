"""The Pulumi project by which the engine runs a program on the twin.

It is written anew from the program's own project for each command: the same
name, runtime, configuration and `main`, and beside them what makes the
difference: `plugins.providers` that name the twin's, and a backend in the
twin's folder. Whoever runs `pulumi` in the program's own folder gets AWS, as
before; nothing there is touched.

pulumi/
    Pulumi.yaml             the project
    Pulumi.<stack>.yaml     the stack's configuration
    plugins/<package>/      the executables that the engine starts as providers
    state/                  the backend: no login, no account
"""

from __future__ import annotations

import shlex
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.packaging import host_architecture, host_runtime
from twin.plugin import edge
from twin.plugin.errors import ProjectError

NOTICE = "# Written by `make local` from {source}: change that one.\n"
# Keys of a stack's file that Pulumi itself puts there, for its secrets.
ENCRYPTION = ("encryptionsalt", "encryptedkey", "secretsprovider")


# The packages that the twin stands in for.
PACKAGES = ("aws", "random")


def write_project(program: Path, stack: str, folder: Path) -> Path:
    """Write the project for a stack of a program, and give its folder.

    Args:
        program: folder of the program's own Pulumi.yaml.
        stack: name of the stack.
        folder: the twin's folder.

    Raises:
        ProjectError: the program's project or the stack's configuration cannot be read.
    """
    own = _load(program / "Pulumi.yaml")
    project = folder / "pulumi"
    (project / "state").mkdir(parents=True, exist_ok=True)
    _write(project / "Pulumi.yaml", program / "Pulumi.yaml", _project(own, program, project))
    source = program / str(own.get("stackConfigDir") or ".") / f"Pulumi.{stack}.yaml"
    _write(project / source.name, source, _stack(source, project / source.name))
    shutil.rmtree(project / "plugins", ignore_errors=True)
    for package in PACKAGES:
        _plugin(project / "plugins" / package, package, folder)
    return project


def _project(own: Mapping[str, Any], program: Path, project: Path) -> dict[str, Any]:
    runtime = own.get("runtime")
    runtime = {"name": runtime} if isinstance(runtime, str) else dict(runtime or {})
    options = dict(runtime.get("options") or {})
    if options.get("virtualenv"):
        options["virtualenv"] = str(program / options["virtualenv"])
    plugins = dict(own.get("plugins") or {})
    others = [
        {**entry, "path": str(program / entry["path"])}
        for entry in plugins.get("providers") or []
        if entry["name"] not in PACKAGES
    ]
    ours = [{"name": package, "path": str(project / "plugins" / package)} for package in PACKAGES]
    return {
        **{key: value for key, value in own.items() if key != "stackConfigDir"},
        "main": str(program / str(own.get("main") or ".")),
        "runtime": {**runtime, "options": options},
        "backend": {"url": (project / "state").as_uri()},
        "plugins": {**plugins, "providers": [*ours, *others]},
    }


def _stack(source: Path, written: Path) -> dict[str, Any]:
    own = _load(source) if source.exists() else {}
    config = dict(own.get("config") or {})
    for key in [key for key, value in config.items() if value == "host" and key.endswith(":packagesFor")]:
        # Packages for this machine need its own architecture and Python.
        namespace = key.partition(":")[0]
        config |= {f"{namespace}:architecture": host_architecture(), f"{namespace}:runtime": host_runtime()}
    before = _load(written) if written.exists() else {}
    encryption = {key: value for key, value in before.items() if key in ENCRYPTION}
    return {**encryption, **own, "config": config}


def _plugin(folder: Path, package: str, twin: Path) -> None:
    folder.mkdir(parents=True)
    executable = folder / f"pulumi-resource-{package}"
    # -S: what is installed is not needed here, and looking for it takes longer than all the rest.
    command = [sys.executable, "-S", edge.__file__, "--folder", str(twin), "--package", package]
    executable.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    executable.chmod(executable.stat().st_mode | stat.S_IXUSR)


def _write(path: Path, source: Path, document: Mapping[str, Any]) -> None:
    text = NOTICE.format(source=source) + yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


def _load(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ProjectError(f"{path} is not YAML: {error}") from error
    if not isinstance(document or {}, dict):
        raise ProjectError(f"{path} does not hold a YAML mapping.")
    return document or {}
