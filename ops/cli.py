"""The operator's command line. Each command has a module of its own; here they are put together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops import capture, dlq, doctor, rebuild, reconcile
from ops.errors import UNREACHABLE, OpsError
from ops.session import Session

app = typer.Typer(
    name="ops",
    help="Look after a running system: on AWS (--stack NAME) and on this machine's twin alike.\n\n"
    "Exit codes: 0 all is well, 1 something is wrong with the system, 2 wrong usage, "
    "3 the system cannot be reached.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.command()(doctor.doctor)
app.add_typer(dlq.app, name="dlq")
app.add_typer(capture.app, name="capture")
app.command()(reconcile.reconcile)
app.command()(rebuild.rebuild)


@app.callback()
def choose(
    context: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(help="A stack of the Pulumi CLI. Without it: the running twin, else the selected stack."),
    ] = None,
    twin: Annotated[bool, typer.Option("--twin", help="Only the twin on this machine will do.")] = False,
) -> None:
    """Choose the stack that the command works on."""
    if stack is not None and twin:
        raise typer.BadParameter("--stack and --twin exclude each other.")
    context.obj = Session(stack, twin)


def main() -> None:
    """Run the command line; every expected error ends as one sentence and an exit code."""
    try:
        app()
    except OpsError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except (ClientError, BotoCoreError) as error:
        _say(f"AWS did not do as asked: {error}")
        sys.exit(UNREACHABLE)
    except KeyboardInterrupt:
        _say("Stopped.")
        sys.exit(130)


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(sentence, style="red", markup=False)
