"""Runs the Pulumi CLI on the twin: `make local`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from twin.folder import TwinFolder
from twin.plugin.errors import CommandError, KeeperError
from twin.plugin.project import write_project
from twin.plugin.wire import QUICK, dial

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP_TIMEOUT_S = 60.0
POLL_S = 0.05
# Commands that change the stack. Nothing here costs money or can be lost for others, so they do not ask first.
CHANGING = frozenset({"up", "update", "refresh", "destroy", "down", "import"})
ASSENT = {
    **dict.fromkeys(("up", "update", "refresh", "destroy", "down"), ("--yes", "--skip-preview")),
    "import": ("--yes",),
}
# Who asks for messages gets them all: those of the SDK too, which cost time (`twin/plugin/quick`).
DEBUGGING = frozenset({"-d", "--debug"})
MISSING = (
    "There is no `pulumi` command on the PATH. Install the Pulumi CLI (https://www.pulumi.com/docs/install/; it needs "
    "no account) and repeat. `make up` runs the same system without it."
)


def run(arguments: Sequence[str], *, folder: TwinFolder, program: Path, stack: str) -> int:
    """Run one command of the Pulumi CLI on a program and the twin, and give its exit code.

    Args:
        arguments: of the CLI, such as `["preview", "--diff"]`; what changes the stack needs no `--yes`.
        folder: where the twin is, or will be, kept.
        program: folder of the program's own Pulumi.yaml.
        stack: name of the stack; made if there is none.

    Raises:
        CommandError: there is no Pulumi CLI, or another twin holds the folder.
        ProjectError: the program's project cannot be read.
    """
    executable = shutil.which("pulumi")
    if executable is None:
        raise CommandError(MISSING)
    if folder.holder() is not None and not folder.held_by_keeper():
        raise CommandError(
            f"The twin that `make up` started (process {folder.holder()}) runs in {folder.path}: `make down` first."
        )
    project = write_project(program.resolve(), stack, folder.path)
    cli = Cli(executable, project, stack)
    cli.select()
    command = next((word for word in arguments if not word.startswith("-")), "")
    assent = [flag for flag in ASSENT.get(command, ()) if not _decided(flag, arguments)]
    code = cli.run([*arguments, *assent])
    if command in CHANGING:
        _publish(folder, cli)
    return code


def _decided(flag: str, arguments: Sequence[str]) -> bool:
    asking = {"--skip-preview": ("-f", "--preview-only", "--skip-preview"), "--yes": ("-y", "--yes", "--preview-only")}
    return any(word.partition("=")[0] in asking[flag] for word in arguments)


class Cli:
    """The Pulumi CLI on one project and stack.

    Args:
        executable: the CLI.
        project: folder of the project.
        stack: name of the stack.
    """

    def __init__(self, executable: str, project: Path, stack: str) -> None:
        self._executable = executable
        self._project = project
        self._stack = stack

    def select(self) -> None:
        """Make the stack if there is none.

        Raises:
            CommandError: it cannot be made; the message is the CLI's own.
        """
        if list(self._project.glob(f"state/.pulumi/stacks/*/{self._stack}.json")):
            return
        done = self._ask("stack", "init", self._stack)
        if done.returncode != 0:
            raise CommandError(done.stderr.strip() or done.stdout.strip())

    def run(self, arguments: Sequence[str]) -> int:
        """Run a command in this terminal. Ctrl-C is the command's to handle."""
        debugging = not DEBUGGING.isdisjoint(arguments)
        with _interrupts_left_to_the_child():
            return subprocess.run(
                [self._executable, *arguments, "--cwd", str(self._project), "--stack", self._stack],
                env=self._environment(quick=not debugging),
                check=False,
            ).returncode

    def outputs(self) -> dict[str, Any]:
        """Give the stack's outputs, secrets in clear; none if there is nothing.

        Raises:
            CommandError: the CLI failed.
        """
        done = self._ask("stack", "output", "--json", "--show-secrets", "--stack", self._stack)
        if done.returncode != 0:
            raise CommandError(done.stderr.strip())
        outputs: dict[str, Any] = json.loads(done.stdout)
        return outputs

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._executable, *arguments, "--cwd", str(self._project), "--non-interactive"],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self, *, quick: bool = True) -> Mapping[str, str]:
        # The stack's secrets are those of a twin: they lie in clear beside it.
        own = {} if "PULUMI_CONFIG_PASSPHRASE_FILE" in os.environ else {"PULUMI_CONFIG_PASSPHRASE": ""}
        paths = os.pathsep.join(filter(None, (QUICK if quick else None, os.environ.get("PYTHONPATH"))))
        return {"PULUMI_SKIP_UPDATE_CHECK": "true", **own, **os.environ, "PYTHONPATH": paths}


def _publish(folder: TwinFolder, cli: Cli) -> None:
    """Publish the stack's outputs where the twin's other commands look for them; clear away an empty stack."""
    status = ask(folder.path, {"do": "status"})
    if status is not None and status["resources"]:
        ask(folder.path, {"do": "publish", "outputs": cli.outputs()})
        return
    # The keeper ends by itself when nothing is left to keep.
    _wait_until_gone(folder)
    if not folder.kept:
        remove_project(folder)


def ask(folder: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Ask the keeper of a folder; None if there is none.

    Raises:
        KeeperError: it refused.
    """
    try:
        line = dial(folder)
    except OSError:
        return None
    try:
        line.send(asked)
        answer = line.receive()
    except OSError:
        return None
    finally:
        line.close()
    if answer is not None and "refused" in answer:
        raise KeeperError(str(answer["refused"]))
    return answer


def stop(folder: TwinFolder, *, keep: bool) -> None:
    """Stop the keeper of a folder; its stack stays in the folder, or goes with it.

    Raises:
        KeeperError: it does not stop.
    """
    ask(folder.path, {"do": "stop", "keep": keep})
    _wait_until_gone(folder)
    if not keep:
        if folder.kept:  # it was not running
            folder.acquire(keeper=True)
            folder.release()
        remove_project(folder)


def remove_project(folder: TwinFolder) -> None:
    """Remove the project and its backend, and the folder if nothing else is in it."""
    shutil.rmtree(folder.path / "pulumi", ignore_errors=True)
    if folder.path.exists() and not any(folder.path.iterdir()):
        folder.path.rmdir()


def _wait_until_gone(folder: TwinFolder) -> None:
    holder, deadline = folder.holder(), time.monotonic() + STOP_TIMEOUT_S
    while holder is not None and (folder.holder() == holder or psutil.pid_exists(holder)):
        if time.monotonic() > deadline:
            raise KeeperError(f"The twin's keeper (process {holder}) in {folder.path} does not end; end it by hand.")
        time.sleep(POLL_S)


@contextmanager
def _interrupts_left_to_the_child() -> Iterator[None]:
    # A handler, and not SIG_IGN: that one the child would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
