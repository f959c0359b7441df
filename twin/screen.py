"""What the twin shows on a terminal: colour there, plain text in a pipe."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from twin.flow import HOPS, FlowJournal

# Shown first, in this order; the operators' outputs follow by name.
FIRST_OUTPUTS = ("api_url", "orders_url", "clients_url", "api_user", "api_password")
# For programs, which read it from the file.
HIDDEN_OUTPUTS = ("aws_secret_access_key",)


class Progress:
    """Shows which resource is being made; on a pipe, one line at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("Starting; the first time, the functions' packages are fetched ...", console=console)
        self._started = time.monotonic()
        self._made = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        else:
            self._console.print("Starting the twin; the first time, the functions' packages are fetched ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        if kind is None:
            seconds = time.monotonic() - self._started
            self._console.print(f"[green]Up[/]: {self._made} resources of the Pulumi program in {seconds:.1f} s.")

    def resource(self, type_token: str, name: str, seconds: float) -> None:
        """Note that a resource was made."""
        self._made += 1
        self._status.update(f"{self._made} resources, last: {type_token.split(':')[-1]} {name} ({seconds:.1f} s)")

    def restart(self, name: str, code: int) -> None:
        """Say that a process died and is started again."""
        self._console.print(f"[yellow]{name} ended with code {code}; it is started again.[/]")

    def end(self, sentence: str) -> None:
        """Say that a process gave up for good."""
        self._console.print(sentence, style="red", markup=False)


def print_kept(console: Console, status: Mapping[str, Any], holder: int) -> None:
    """Tell about a stack that `make local` made."""
    processes, stacks = status.get("processes", {}), ", ".join(status.get("stacks", []))
    console.print(
        f"A twin (process {holder}) keeps {status.get('resources', 0)} resources of {stacks or 'no stack'} "
        f"with {len(processes)} processes: {', '.join(processes) or 'none'}.",
        soft_wrap=True,
    )


def print_outputs(console: Console, outputs: Mapping[str, Any]) -> None:
    """Show the stack's outputs and how to use them; each on one line however narrow the terminal, to be copied."""
    rest = sorted(name for name in outputs if name not in (*FIRST_OUTPUTS, *HIDDEN_OUTPUTS))
    names = [*(name for name in FIRST_OUTPUTS if name in outputs), *rest]
    width = max(len(name) for name in names)
    console.print("Stack outputs", style="bold")
    for name in names:
        style = "cyan" if name in FIRST_OUTPUTS else "dim"
        line = Text.assemble("  ", (f"{name:<{width}}", style), "  ", str(outputs[name]))
        console.print(line, soft_wrap=True)
    if "orders_url" not in outputs:
        return  # another program's
    user = shlex.quote(f"{outputs['api_user']}:{outputs['api_password']}")
    order = '{"id_client":1,"products":[{"id_product":1,"quantity":1},{"id_product":2,"quantity":3}]}'
    console.print("Place an order, and read the client back", style="bold")
    for command in (
        f"curl -u {user} -H 'content-type: application/json' -d '{order}' {outputs['orders_url']}",
        f"curl -u {user} {outputs['clients_url']}/1",
    ):
        console.print(command, soft_wrap=True, markup=False)


def hop_line(event_id: str, hop: str, at: float, journal: FlowJournal) -> Text:
    """Show one hop of one event, with the milliseconds since the hop before."""
    clock = time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at * 1000) % 1000:03d}"
    journey = journal.wait(event_id, hop, 0)
    latency = None if journey is None or hop == HOPS[0] else journey.latency_ms(hop)
    return Text.assemble(
        (clock, "dim"),
        "  ",
        (event_id, "cyan"),
        "  ",
        (f"{hop:<9}", "bold"),
        f" {latency:8.1f} ms" if latency is not None else "",
    )
