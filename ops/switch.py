"""`ops rebuild --into-new`: fill another generation of the read model beside the one that is read, and switch to it.

The function keeps all state in the cache; here it is asked for one step after the other, until it has come to rest. So
whoever is interrupted, or comes later, goes on where it stands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ops.errors import FINDINGS, OpsError
from ops.functions import invoke
from ops.pace import Pace
from ops.reconcile import FUNCTION
from ops.session import Session

STEADY = "steady"
STAGES = {
    "clearing": "removing what is left of an earlier rebuild",
    "filling": "filling the new generation",
    "settling": "switched; the former one is kept up until all queries know",
    "dropping": "removing the generation that is not read",
}
LONGEST_NAP_S = 1.0


class SwitchUnderWay(OpsError):  # noqa: N818 - named by what is
    """A rebuild into a new generation was begun before, and has not come to its end."""

    exit_code = FINDINGS


class SwitchLost(OpsError):  # noqa: N818 - named by what happened
    """The cache was emptied, or somebody else ended this rebuild and began another."""

    exit_code = FINDINGS


class NothingToAbandon(OpsError):  # noqa: N818 - named by what is
    """There is no rebuild to turn back from, or it is over but for the removal of old keys."""

    exit_code = FINDINGS


def into_new(session: Session, rate: int, *, resume: bool) -> None:
    """Rebuild into a new generation, or go on with that. Raises SwitchUnderWay, SwitchLost, FunctionFailed."""
    told = _asked(session, "tell" if resume else "begin")
    if resume and told["stage"] == STEADY:
        session.console.print("No rebuild into a new generation is under way: nothing to resume.")
        return
    if not told["done"]:
        raise SwitchUnderWay(
            f"A rebuild into a new generation was begun {_begun(told)} (now: {STAGES.get(told['stage'], 'ended')}): "
            "go on with it (`ops rebuild --into-new --resume`) or turn back (`ops rebuild --abandon`)."
        )
    _to_the_end(session, told, rate)


def abandon(session: Session, rate: int) -> None:
    """Turn back: readers keep, or get back, the former generation. Raises NothingToAbandon, SwitchLost."""
    told = _asked(session, "abandon")
    if not told["done"]:
        raise NothingToAbandon(
            "No rebuild into a new generation is under way."
            if told["stage"] == STEADY
            else "It is too late to turn back: the former generation is being removed. "
            "`ops rebuild --into-new --resume` ends that."
        )
    _to_the_end(session, told, rate)


def show(session: Session) -> None:
    """Say where a rebuild is, of both kinds."""
    told, say = _asked(session, "tell"), session.console.print
    say(f"Queries read generation {_named(told['active'])}.")
    if told["stage"] == STEADY:
        say("No rebuild into a new generation is under way.")
    else:
        where = f", after client {told['after']} of {told['last']}" if told["stage"] == "filling" else ""
        say(f"A rebuild into a new generation, begun {_begun(told)}: {STAGES[told['stage']]}{where}.", style="yellow")
        say("`ops rebuild --into-new --resume` goes on with it, `ops rebuild --abandon` turns back.")
    position = invoke(session.aws, FUNCTION, {"command": "position"})["after"]
    if position is not None:
        say(f"A rebuild in place stopped after client {position}: `ops rebuild --resume`.", style="yellow")


def _to_the_end(session: Session, told: dict[str, Any], rate: int) -> None:
    pace = Pace(rate, time.monotonic, time.sleep)
    begun, clients, removed = told["begun"], 0, 0
    with _progress(session) as progress, _told_how_to_go_on(session):
        bar = progress.add_task("", total=None, removed=0)
        while told["stage"] != STEADY:
            filling = told["stage"] == "filling"
            progress.update(
                bar, description=STAGES[told["stage"]], removed=removed,
                total=told["last"] if filling else None, completed=told["after"],
            )  # fmt: skip
            told = _asked(session, "step", pace.page)
            if told["begun"] != begun:
                raise SwitchLost(
                    "The cache was emptied meanwhile, or another rebuild was begun: `ops rebuild --status` shows "
                    "which. After the cache was emptied `ops rebuild` fills it."
                )
            clients, removed = clients + told["clients"], removed + told["removed"]
            if told["wait_ms"]:
                time.sleep(min(told["wait_ms"] / 1000, LONGEST_NAP_S))
            pace.keep(told["clients"])
    session.console.print(
        f"{clients} clients filled, {removed} old keys removed. Queries read generation {_named(told['active'])}.",
        style="green",
    )


def _asked(session: Session, do: str, limit: int = 1) -> dict[str, Any]:
    return invoke(session.aws, FUNCTION, {"command": "switch", "do": do, "limit": limit})


def _named(generation: str) -> str:
    return f"`{generation}`" if generation else "without a prefix"


def _begun(told: dict[str, Any]) -> str:
    if not told["begun"]:
        return "just now"
    return datetime.fromtimestamp(int(told["begun"]) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@contextmanager
def _told_how_to_go_on(session: Session) -> Iterator[None]:
    """Say how to go on, whatever stops it."""
    try:
        yield
    except SwitchLost:
        raise
    except (OpsError, KeyboardInterrupt):
        session.console.print(
            "Stopped. Nothing is lost: `ops rebuild --status` shows where it stands, "
            "`ops rebuild --into-new --resume` goes on, `ops rebuild --abandon` turns back."
        )
        raise


def _progress(session: Session) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("client {task.completed} of {task.total}"),
        TextColumn("{task.fields[removed]} keys removed"), TimeElapsedColumn(),
        console=session.console, transient=True,
    )  # fmt: skip
