"""The command line of the twin."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import psutil
import typer
from rich.console import Console

from twin import demo as demonstration
from twin import mails, screen
from twin.errors import TwinError
from twin.folder import TwinFolder
from twin.plugin import command
from twin.screen import Progress, hop_line, print_outputs
from twin.system import Twin

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FOLDER = ROOT / ".twin"
STOP_WAIT_S = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130  # what shells give a program that Ctrl-C ended

app = typer.Typer(
    name="twin",
    help="The whole order system on this machine: no AWS account, no Docker, no root rights.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Folder = Annotated[Path, typer.Option("--folder", help="Where the twin keeps what it makes.", show_default=".twin")]


class Stopped(BaseException):
    """The user asked to stop (Ctrl-C, or `make down` from another terminal)."""


@app.command()
def up(folder: Folder = DEFAULT_FOLDER) -> None:
    """Keep the system running in the foreground until Ctrl-C."""
    console = Console(highlight=False)
    with _stoppable(0), _running(TwinFolder(folder), console, follow=True) as (_, outputs):
        print_outputs(console, outputs)
        console.print("Press Ctrl-C to stop. Each event is shown as it passes:")
        while True:
            signal.pause()


@app.command()
def demo() -> None:
    """Send orders through every hop, show how long each hop took, and stop. Exit code 0 only if all of it held."""
    console = Console(highlight=False)
    with (
        _stoppable(INTERRUPTED),
        tempfile.TemporaryDirectory(prefix="twin-demo-") as folder,
        _running(TwinFolder(Path(folder) / "twin"), console) as (twin, outputs),
    ):
        demonstration.run(console, outputs, twin.journal, twin.emulator.endpoint)
    console.print("[green]All of it held.[/] Everything that was started is stopped again.")


@app.command()
def status(
    folder: Folder = DEFAULT_FOLDER, as_json: Annotated[bool, typer.Option("--json", help="Print the outputs.")] = False
) -> None:
    """Tell whether a twin runs, and where. Exit code 0 if it serves, 3 if none runs, 4 if it is not ready yet."""
    console = Console(highlight=False)
    twin_folder = TwinFolder(folder)
    holder, outputs = twin_folder.holder(), twin_folder.outputs()
    if holder is None:
        kept = (
            f"A stack is kept in {folder}, but does not run: `make local` brings it up again, `make down` removes it."
        )
        console.print(kept if twin_folder.kept else f"No twin runs in {folder}. Start one with `make up`.")
        raise typer.Exit(3)
    if twin_folder.kept:
        screen.print_kept(console, command.ask(folder, {"do": "status"}) or {}, holder)
    if outputs is None:
        console.print(f"A twin (process {holder}) is starting or stopping in {folder}.")
        raise typer.Exit(4)
    if as_json:
        sys.stdout.write(json.dumps(outputs, indent=2) + "\n")
        return
    console.print(f"A twin (process {holder}) serves from {folder}.")
    print_outputs(console, outputs)


@app.command("mails")
def show_mails(folder: Folder = DEFAULT_FOLDER) -> None:
    """Show the mails that the running twin would have sent to clients. Exit code 3 if none runs."""
    console = Console(highlight=False)
    outputs = TwinFolder(folder).outputs()
    if outputs is None:
        console.print(f"No twin serves from {folder}. Start one with `make up`.")
        raise typer.Exit(3)
    with _explained():
        mails.show(console, mails.sent(str(outputs["aws_endpoint_url"])))


@app.command()
def down(
    folder: Folder = DEFAULT_FOLDER,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the stack of `make local` for the next time.")] = False,
) -> None:
    """Stop the twin that runs in another terminal, or the one of `make local`, and wait until it is gone."""
    console = Console(highlight=False)
    twin_folder = TwinFolder(folder)
    holder = twin_folder.holder()
    if twin_folder.kept:
        with _explained():
            command.stop(twin_folder, keep=keep)
        console.print(f"The stack in {folder} is {'stopped; its data stay' if keep else 'gone, with its data'}.")
        return
    if holder is None:
        console.print(f"No twin runs in {folder}: nothing to stop.")
        return
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while psutil.pid_exists(holder) and TwinFolder(folder).holder() == holder:
        if time.monotonic() > deadline:
            _fail(console, f"The twin (process {holder}) did not stop within {STOP_WAIT_S:.0f} s; end it by hand.")
        time.sleep(0.05)
    console.print(f"The twin (process {holder}) is stopped.")


@contextmanager
def _running(folder: TwinFolder, console: Console, *, follow: bool = False) -> Iterator[tuple[Twin, Mapping[str, Any]]]:
    """Bring a twin up, give it with its outputs, and take it down whatever happens."""
    followed = threading.Event()

    def on_hop(event_id: str, hop: str, at: float) -> None:
        if followed.is_set():
            console.print(hop_line(event_id, hop, at, twin.journal))

    with Progress(console) as progress:
        twin = Twin(
            folder, on_resource=progress.resource, on_restart=progress.restart, on_end=progress.end, on_hop=on_hop
        )
        try:
            outputs = twin.up()
        except BaseException:
            twin.down()
            raise
    try:
        if follow:
            followed.set()
        yield twin, outputs
    finally:
        followed.clear()
        try:
            console.print("Stopping ...")
        finally:  # the terminal may be gone: that is no reason to leave things running
            twin.down()


@contextmanager
def _stoppable(exit_code: int) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into an orderly stop with this exit code, and errors into one sentence."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        # Once is enough: an impatient second Ctrl-C must not leave half of it running.
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        with _explained():
            yield
    except Stopped:
        raise typer.Exit(exit_code) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn our own errors, and those of the machine, into one sentence and exit code 1."""
    try:
        yield
    except TwinError as error:
        _fail(Console(stderr=True, highlight=False), str(error))
    except OSError as error:
        hint = " Free some space and try again." if error.errno == errno.ENOSPC else ""
        where = f"{error.filename}: " if error.filename else ""
        _fail(Console(stderr=True, highlight=False), f"{where}{error.strerror or error}.{hint}")


def _fail(console: Console, message: str) -> NoReturn:
    console.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    app()
