"""The stack that a command works on: its outputs, and how its AWS is reached."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OutputMissing, StackUnknown

ROOT = Path(__file__).resolve().parent.parent
TWIN_OUTPUTS = ROOT / ".twin" / "outputs.json"
CLI_SECONDS = 120


@dataclass(frozen=True)
class TwinAccess:
    """Where the AWS of a twin is, and its administrator's credentials."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, repr=False)
class Stack:
    """One deployed system.

    Attributes:
        name: the stack's name, "twin" for the one on this machine.
        outputs: the stack's outputs by name; secret ones are not among them, or hidden.
        twin: None on AWS.
    """

    name: str
    outputs: Mapping[str, Any]
    twin: TwinAccess | None = None

    def output(self, name: str) -> str:
        """An output that must be there, as text.

        Raises:
            OutputMissing: it is not.
        """
        value = self.outputs.get(name)
        if value in (None, ""):
            raise OutputMissing(
                f"Stack {self.name} has no output {name!r}: it was deployed by another version of the program. "
                "Deploy this one (`pulumi up`, or `make up` for the twin) and try again."
            )
        return str(value)

    def ending(self, suffix: str) -> dict[str, str]:
        """The outputs whose name ends so, by what stands before: `ending("_queue_url")` gives the consumers' queues."""
        return {
            name.removesuffix(suffix): str(value)
            for name, value in sorted(self.outputs.items())
            if name.endswith(suffix) and value not in (None, "")
        }


def find(name: str | None, twin: bool, twin_outputs: Path = TWIN_OUTPUTS) -> Stack:
    """The stack that is meant: the one named, else a running twin, else the one selected in the Pulumi CLI.

    Args:
        name: a stack of the Pulumi CLI.
        twin: only the twin will do.

    Raises:
        StackUnknown: there is none; says how to get one.
    """
    if name is None and (twin or twin_outputs.exists()):
        return of_twin(twin_outputs)
    return of_pulumi(name)


def of_twin(path: Path = TWIN_OUTPUTS) -> Stack:
    """The twin that serves on this machine; raises StackUnknown."""
    try:
        outputs: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StackUnknown(f"No twin is ready to serve: there is no {path}. Start one with `make up`.") from None
    except (json.JSONDecodeError, OSError) as error:
        raise StackUnknown(f"{path} cannot be read: {error}. Restart the twin (`make down`, `make up`).") from error
    try:
        access = TwinAccess(outputs["aws_endpoint_url"], outputs["aws_access_key_id"], outputs["aws_secret_access_key"])
    except KeyError as error:
        raise StackUnknown(
            f"{path} lacks {error.args[0]}: it was written by an older twin. Restart it (`make down`, `make up`)."
        ) from None
    return Stack("twin", outputs, access)


def of_pulumi(name: str | None, root: Path = ROOT) -> Stack:
    """A stack as the Pulumi CLI knows it; None for the selected one. Raises StackUnknown."""
    if shutil.which("pulumi") is None:
        raise StackUnknown(
            f"There is no `pulumi` on PATH to ask for the outputs of stack {name}: install the Pulumi CLI."
            if name
            else "No twin runs on this machine, and there is no `pulumi` on PATH to ask for a stack's outputs: "
            "start a twin (`make up`) or install the Pulumi CLI."
        )
    # Secret outputs stay hidden: no command needs them.
    command = ["pulumi", "stack", "output", "--json", "--non-interactive", *(["--stack", name] if name else [])]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=CLI_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise StackUnknown(f"`{' '.join(command)}` did not answer within {CLI_SECONDS} s.") from None
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        raise StackUnknown(f"`{' '.join(command)}` failed: {said}")
    try:
        outputs: dict[str, Any] = json.loads(done.stdout or "{}")
    except json.JSONDecodeError:
        raise StackUnknown(f"`{' '.join(command)}` did not answer in JSON, but: {done.stdout.strip()[:200]}") from None
    if not outputs:
        raise StackUnknown(f"Stack {name or '(the selected one)'} has no outputs: deploy it first with `pulumi up`.")
    return Stack(name or "selected", outputs)
