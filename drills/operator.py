"""Commands of `ops` as an operator of the running twin gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from ops import dlq
from ops.session import Session
from ops.stack import of_twin


class _Context:
    """What a command is given of the command line."""

    def __init__(self, session: Session) -> None:
        self.obj = session


def command(outputs_file: Path, run: Callable[..., None], **options: Any) -> int:
    """Run a command, quietly, on the stack of this outputs file; gives its exit code.

    Raises:
        OpsError: what the command could not do.
    """
    session = Session(lambda: of_twin(outputs_file))
    session.console.quiet = True
    try:
        run(_Context(session), **options)
    except typer.Exit as end:
        return end.exit_code
    return 0


def redriven(outputs_file: Path, consumer: str) -> bool:
    """Give a consumer its dead letters once more; whether it took all of them."""
    return command(outputs_file, dlq.redrive, name=consumer, limit=100_000) == 0
