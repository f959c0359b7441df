"""`ops reconcile`: compare the read model with the write model, tell lag from drift, and mend drift on request."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from ops.aws import Aws
from ops.errors import FINDINGS
from ops.functions import invoke
from ops.lesson import lesson
from ops.pace import Pace
from ops.session import Session

FUNCTION = "reconcile"
SHOWN = 20


@dataclass
class Found:
    """All that the pages found."""

    clients: int = 0
    moving: int = 0
    behind: list[int] = field(default_factory=list)
    drifts: list[dict[str, Any]] = field(default_factory=list)
    repaired: int = 0

    def add(self, answer: dict[str, Any]) -> None:
        """Add one answer of the function."""
        self.clients += answer["clients"]
        self.moving += answer["moving"]
        self.behind += answer["behind"]
        self.drifts += answer["drifts"]
        self.repaired += answer["repaired"]


def reconcile(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Replace what drifted by what the write model says.")
    ] = False,
    rate: Annotated[int, typer.Option(min=1, max=10_000, help="Most clients a second.")] = 200,
    lag_s: Annotated[
        int,
        typer.Option(
            "--lag-seconds", min=0, max=3600, help="What the read model lacks for longer than this is drift, not lag."
        ),
    ] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare all clients and their last orders with the write model, while orders keep coming.

    Lag (events on their way) is told and is no fault. Exit code 1 if there is drift that is not repaired.
    """
    session: Session = context.obj
    found = Found()
    with Progress(console=session.console, transient=True, disable=as_json) as progress:
        bar = progress.add_task("comparing", total=None)
        for answer in pages(session.aws, repair=repair, lag_s=lag_s, rate=rate):
            found.add(answer)
            if "last" in answer:
                done = answer["last"] if answer["next"] is None else answer["next"]
                progress.update(bar, total=answer["last"], completed=done)
            else:
                progress.update(bar, description="looking for orphans")
    left = len(found.drifts) - found.repaired
    if as_json:
        typer.echo(json.dumps({**vars(found), "left": left}))
    else:
        _show(session, found, repair=repair)
    raise typer.Exit(FINDINGS if left else 0)


EPILOG = lesson(
    ("reconcile", "compare everything, change nothing"),
    ("--stack prod reconcile --repair", "replace what drifted by what the write model says"),
    ("reconcile --json | jq .drifts", "all that drifted, for programs"),
    well="no drift (some may be behind: lag)",
    wrong="drift that is not repaired",
)


def pages(aws: Aws, *, repair: bool, lag_s: int, rate: int) -> Iterator[dict[str, Any]]:
    """Answers of the function: the clients page by page, at `rate` clients a second at most, then the orphans.

    Raises FunctionFailed, OutputMissing, Unreachable.
    """
    pace = Pace(rate, time.monotonic, time.sleep)
    after: int | None = 0
    while after is not None:
        command = {"command": "compare", "after": after, "limit": pace.page, "lag_seconds": lag_s, "repair": repair}
        answer = invoke(aws, FUNCTION, command)
        yield answer
        after = answer["next"]
        if after is not None:
            pace.keep(answer["clients"])
    cursor: str | None = "0"
    while cursor is not None:
        answer = invoke(aws, FUNCTION, {"command": "orphans", "cursor": cursor, "repair": repair})
        yield answer
        cursor = answer["next"]


def _show(session: Session, found: Found, *, repair: bool) -> None:
    say = session.console.print
    say(f"{found.clients} clients compared.")
    if found.behind:
        say(f"{len(found.behind)} are behind: their events are on the way (lag).")
    if found.moving:
        say(f"{found.moving} changed all the while: the read model keeps up with them.")
    if not found.drifts:
        say("No drift.", style="green")
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(d["kind"] for d in found.drifts).items()))
    say(f"{len(found.drifts)} have drifted: {kinds}.", style="red")
    table = Table("client", "is", "in")
    for drift in found.drifts[:SHOWN]:
        table.add_row(str(drift["id"]), drift["kind"], ", ".join(drift["fields"]))
    say(table)
    if len(found.drifts) > SHOWN:
        say(f"... and {len(found.drifts) - SHOWN} more (--json has all).")
    if not repair:
        say("`ops reconcile --repair` makes them what the write model says.")
        return
    say(f"{found.repaired} were repaired.", style="green")
    if found.repaired < len(found.drifts):
        say("The others changed while they were repaired: compare again.", style="yellow")
