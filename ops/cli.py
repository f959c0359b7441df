"""The operator's command line. Each command has a module of its own; here they are put together."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops import capture, dlq, doctor, log, rebuild, reconcile
from ops.errors import FINDINGS, UNREACHABLE, OpsError
from ops.session import Session
from ops.stack import find

app = typer.Typer(
    name="ops",
    help="Look after a running system: on AWS (--stack NAME) and on this machine's twin alike.\n\n"
    "Exit codes: 0 all is well, 1 something is wrong with the system, 2 wrong usage, "
    "3 the system cannot be reached. docs/operations.md says which command to run for which alarm.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.command(epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(dlq.app, name="dlq")
app.add_typer(capture.app, name="capture")
app.command(epilog=log.EPILOG)(log.log)
app.command(epilog=reconcile.EPILOG)(reconcile.reconcile)
app.command(epilog=rebuild.EPILOG)(rebuild.rebuild)


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
    context.obj = Session(lambda: find(stack, twin))


def main() -> None:
    """Run the command line; every expected error ends as one sentence and an exit code."""
    try:
        app(stack_first(sys.argv[1:]))
    except OpsError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except ClientError as error:
        _say(f"AWS did not do as asked: {error}")
        sys.exit(FINDINGS)
    except BotoCoreError as error:
        _say(f"AWS cannot be used: {error}")
        sys.exit(UNREACHABLE)


def stack_first(words: Sequence[str]) -> list[str]:
    """Put `--stack NAME` and `--twin` in front, where the program's own options belong; people type them anywhere."""
    front, rest, left = list[str](), list[str](), iter(words)
    for word in left:
        if word == "--stack":
            front += [word, *itertools.islice(left, 1)]
        else:
            (front if word == "--twin" or word.startswith("--stack=") else rest).append(word)
    return front + rest


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)
