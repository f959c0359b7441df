"""`ops doctor`: walk the flow and tell what is wrong and what to do. Each check has a module below ops/checks/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table
from rich.text import Text

from ops.checks import (
    cache,
    database,
    heartbeat,
    letters,
    mappings,
    pipe,
    queues,
    schedules,
    slot,
    stream,
    subscriptions,
    task,
)
from ops.checks.check import Check, Finding, Report, Scene
from ops.errors import FINDINGS, UNREACHABLE, FunctionFailed, OpsError
from ops.lesson import lesson
from ops.session import Session

# In the order of the flow.
CHECKS = (
    Check("database", database.look),
    Check("slot", slot.look),
    Check("task", task.look),
    Check("stream", stream.look),
    Check("pipe", pipe.look),
    Check("subscriptions", subscriptions.look),
    Check("queues", queues.look),
    Check("mappings", mappings.look),
    Check("dead letters", letters.look),
    Check("cache", cache.look),
    Check("heartbeat", heartbeat.look),
    Check("schedules", schedules.look),
)

EPILOG = lesson(
    ("doctor", "when anything seems wrong, before anything else"),
    ("doctor --stack prod --json", "the same for a program; docs/operations.md describes it"),
    well="nothing is wrong",
    wrong="something is; each line names the command that mends it",
)

State = Literal["well", "wrong", "not made"]
_MARKS: Mapping[State, tuple[str, str]] = {
    "well": ("well", "green"),
    "wrong": ("WRONG", "red"),
    "not made": ("not made", "yellow"),
}


@dataclass(frozen=True)
class Outcome:
    """What came of one check; one that could not be made has why in `says`."""

    name: str
    state: State
    says: str
    findings: tuple[Finding, ...]
    data: Mapping[str, Any]


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; docs/operations.md describes it.")] = False,
) -> None:
    """Walk the flow, from the database to the read model, and say what is wrong and what to do.

    Sends a heartbeat the whole way, and waits up to 20 s for it. A check that cannot be made is told as such, and the
    others are made; the exit code is 3 then, unless something is wrong.
    """
    session: Session = context.obj
    scene = Scene(session.aws)
    with nullcontext() if as_json else session.console.status("looking ..."):
        outcomes = examine(scene)
    if as_json:
        typer.echo(json.dumps({"stack": scene.stack.name, "checks": [asdict(each) for each in outcomes]}))
    else:
        _show(session, outcomes)
    raise typer.Exit(exit_code(outcomes))


def examine(scene: Scene, checks: Sequence[Check] = CHECKS) -> list[Outcome]:
    """Make all checks at the same time; gives what came of them in their order."""
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(lambda check: outcome(check, scene), checks))


def outcome(check: Check, scene: Scene) -> Outcome:
    """Make one check; one that cannot be made stops no other."""
    try:
        report: Report = check.look(scene)
    except FunctionFailed as error:
        remedy = f"its complaints: {scene.logs(error.function)}"
        return Outcome(check.name, "wrong", "cannot be asked", (Finding(str(error), remedy),), {})
    except OpsError as error:
        return Outcome(check.name, "not made", str(error), (), {})
    except (ClientError, BotoCoreError) as error:
        return Outcome(check.name, "not made", f"AWS did not answer as it should: {error}", (), {})
    return Outcome(check.name, "wrong" if report.findings else "well", report.says, report.findings, report.data)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """What the command ends with: what is wrong counts more than what could not be seen."""
    states = {each.state for each in outcomes}
    if "wrong" in states:
        return FINDINGS
    return UNREACHABLE if "not made" in states else 0


def _show(session: Session, outcomes: Sequence[Outcome]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for each in outcomes:
        mark, style = _MARKS[each.state]
        lines = [f"{finding.wrong}. Do: {finding.remedy}" for finding in each.findings] or [each.says]
        for line in lines:
            if session.console.is_terminal:
                table.add_row(each.name, Text(mark, style), Text(line))
            else:
                session.say(f"{each.name}: {mark}: {line}")
    if session.console.is_terminal:
        session.console.print(table)
    wrong = sum(len(each.findings) for each in outcomes)
    unmade = sum(each.state == "not made" for each in outcomes)
    if wrong:
        session.say(f"{wrong} {'finding' if wrong == 1 else 'findings'}.", style="red")
    elif unmade:
        session.say(f"Nothing wrong was found, but {unmade} checks could not be made.", style="yellow")
    else:
        session.say("All is well.", style="green")
