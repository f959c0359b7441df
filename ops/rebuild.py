"""`ops rebuild`: fill the read model from the write model while orders keep coming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ops import switch
from ops.errors import FINDINGS, OpsError
from ops.functions import invoke
from ops.lesson import lesson
from ops.pace import Pace
from ops.reconcile import FUNCTION
from ops.session import Session

# How often a rebuild begins anew because the cache was emptied under it.
ATTEMPTS = 3


class RebuildLost(OpsError):  # noqa: N818 - named by what happened
    """The cache was emptied, or another rebuild began, again and again."""

    exit_code = FINDINGS


class _PositionLost(Exception):  # noqa: N818
    """What was filled so far is gone."""


def rebuild(
    context: typer.Context,
    rate: Annotated[int, typer.Option(min=1, max=10_000, help="Most clients a second, to spare the database.")] = 200,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted rebuild stopped.")] = False,
    first: Annotated[int, typer.Option("--from", min=1, help="Begin with the client of this id.")] = 1,
    into_new: Annotated[
        bool, typer.Option("--into-new", help="Fill new keys beside those that are read, switch to them, remove these.")
    ] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Turn back from --into-new, at any time.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say where an interrupted rebuild stands.")] = False,
) -> None:
    """Fill the read model from the write model: all clients with their last orders, in the order of their ids.

    Whatever is newer in the read model stays. Safe to interrupt (go on with --resume) and to repeat.

    With --into-new queries go on reading what they read until all is filled, and are switched at once. It takes as
    much memory again for a while.
    """
    session: Session = context.obj
    if sum((into_new, abandon, status)) > 1 or ((into_new or abandon or status) and first != 1):
        raise typer.BadParameter("--into-new, --abandon, --status and --from exclude each other.")
    if status:
        switch.show(session)
    elif abandon:
        switch.abandon(session, rate)
    elif into_new:
        switch.into_new(session, rate, resume=resume)
    else:
        _in_place(session, rate, first, resume=resume)


def _in_place(session: Session, rate: int, first: int, *, resume: bool) -> None:
    if resume and first != 1:
        raise typer.BadParameter("--resume and --from exclude each other.")
    after = first - 1
    begin = True
    if resume:
        position = invoke(session.aws, FUNCTION, {"command": "position"})["after"]
        if position is None:
            session.console.print("No rebuild was interrupted, or the cache was emptied since: beginning anew.")
        else:
            after, begin = int(position), False
            session.console.print(f"Going on after client {after}.")
    for _ in range(ATTEMPTS):
        try:
            clients, written = _fill(session, after, rate, begin=begin)
        except _PositionLost:
            session.console.print(
                "The cache was emptied, or another rebuild began: beginning anew with the first client.", style="yellow"
            )
            after, begin = 0, True
        else:
            session.console.print(
                f"{clients} clients read, {written} written, {clients - written} newer in the read model already.",
                style="green",
            )
            return
    raise RebuildLost(
        f"The cache was emptied, or another rebuild began, {ATTEMPTS} times in a row: see that no other "
        "`ops rebuild` runs and that the cache is not full or restarting, and try again."
    )


EPILOG = lesson(
    ("rebuild", "fill the read model anew, after the cache was emptied or replaced"),
    ("rebuild --rate 50", "more slowly, when the database is busy"),
    ("rebuild --resume", "go on where it was interrupted"),
    ("rebuild --into-new", "beside the keys that are read, which go on being right until the switch"),
    ("rebuild --status", "where an interrupted one stands"),
    well="all clients are written",
    wrong="the function failed, or the cache was emptied again and again",
)


def _fill(session: Session, after: int, rate: int, *, begin: bool) -> tuple[int, int]:
    """Fill page by page; gives how many clients were read and how many written."""
    pace = Pace(rate, time.monotonic, time.sleep)
    clients = written = 0
    with _progress(session) as progress, _told_where(session, lambda: after):
        bar = progress.add_task("rebuilding", total=None)
        while True:
            command = {"command": "rebuild", "after": after, "limit": pace.page, "begin": begin}
            answer = invoke(session.aws, FUNCTION, command)
            if answer["lost"]:
                raise _PositionLost
            clients, written = clients + answer["clients"], written + answer["written"]
            if answer["next"] is None:
                return clients, written
            begin, after = False, answer["next"]
            progress.update(bar, total=answer["last"], completed=after)
            pace.keep(answer["clients"])


@contextmanager
def _told_where(session: Session, where: Callable[[], int]) -> Iterator[None]:
    """Say where it stopped, whatever stops it."""
    try:
        yield
    except (OpsError, KeyboardInterrupt):
        session.console.print(f"Stopped after client {where()}: `ops rebuild --resume` goes on there.")
        raise


def _progress(session: Session) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("client {task.completed} of {task.total}"),
        TimeRemainingColumn(), console=session.console, transient=True,
    )  # fmt: skip
