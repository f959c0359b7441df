"""What a check is, what it finds, and what all checks look at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.aws import Aws
from ops.errors import OpsError
from ops.functions import invoke


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do about it, which names the very command."""

    wrong: str
    remedy: str


@dataclass(frozen=True)
class Report:
    """What a check saw.

    Attributes:
        says: how it is, in one line.
        findings: what is wrong; nothing if all is well.
        data: the figures behind it, for programs.
    """

    says: str
    findings: tuple[Finding, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


class NotMade(OpsError):  # noqa: N818 - named by what happened
    """A check cannot be made, because what it would look at cannot be seen."""


class Scene:
    """The stack that is looked at; safe to be shared by threads."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.stack = aws.stack
        self._stores: Mapping[str, Any] | OpsError | None = None
        self._asking = threading.Lock()

    def store(self, name: str) -> Mapping[str, Any]:
        """What the function inspect_stores says of `database` or `cache`; asked once, for all checks.

        A store that the function could not ask is {"error": why}.

        Raises FunctionFailed, OutputMissing, Unreachable.
        """
        with self._asking:
            if self._stores is None:
                try:
                    self._stores = invoke(self.aws, "inspect_stores", {})
                except OpsError as error:
                    self._stores = error
        if isinstance(self._stores, OpsError):
            raise self._stores
        found: Mapping[str, Any] = self._stores[name]
        return found

    def number(self, output: str) -> int:
        """An output that is a number. Raises OutputMissing."""
        return round(float(self.stack.output(output)))

    def ops(self, words: str) -> str:
        """A command of these tools for this stack."""
        chosen = {"twin": " --twin", "selected": ""}.get(self.stack.name, f" --stack {self.stack.name}")
        return f"`python -m ops{chosen} {words}`"

    def cli(self, words: str) -> str:
        """A command of the AWS CLI for this stack."""
        where = f" --endpoint-url {self.stack.twin.endpoint_url}" if self.stack.twin else ""
        return f"`aws --region {self.stack.output('region')}{where} {words}`"

    def logs(self, function: str) -> str:
        """The command that shows what a function complained of, by its folder or its name."""
        folders = {name: folder for folder, name in self.stack.ending("_function").items()}
        return self.ops(f"log {folders.get(function, function)}")

    @property
    def deploy(self) -> str:
        """The command that makes the stack again what the program says."""
        if self.stack.twin is not None:
            return "`make down`, then `make up`"
        chosen = "" if self.stack.name == "selected" else f" --stack {self.stack.name}"
        return f"`pulumi up --refresh{chosen}`"


@dataclass(frozen=True)
class Check:
    """One check. `look` raises OpsError or an error of botocore if it cannot be made."""

    name: str
    look: Callable[[Scene], Report]


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def span(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
