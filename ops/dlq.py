"""`ops dlq`: look into the dead-letter queues, and give their letters on again."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from ops import redrive_consumer, redrive_pipe, redrive_schedule
from ops.aws import Aws, answering
from ops.dead_letters import DeadLetterQueue, Letter, count, delete, give_back, held, queue, queues
from ops.errors import FINDINGS, OpsError
from ops.lesson import lesson
from ops.reasons import last_reason
from ops.redrive import Outcome
from ops.session import Session

app = typer.Typer(help="Dead-letter queues: what is in them, why, and once more.", no_args_is_help=True)

# What a consumer logged about a letter is at most so old: the retention of its queue and of the dead letters.
LOGS_BACK_MS = 21 * 24 * 3600 * 1000
Name = Annotated[str, typer.Argument(help="A queue as `ops dlq list` names it: a consumer's folder, `pipe`, ...")]


class LetterUnknown(OpsError):  # noqa: N818 - named by what is wrong
    """The queue has no letter of that id."""

    exit_code = 2


@app.command(
    "list",
    epilog=lesson(
        ("dlq list", "which queues have letters"),
        ("--stack prod dlq list --json", "on AWS, for programs"),
        well="no letter anywhere",
        wrong="there are letters",
    ),
)
def list_(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show how many letters each dead-letter queue of the stack has. Exit code 1 if any has one."""
    session: Session = context.obj
    counts = {each: count(session.aws, each) for each in queues(session.aws)}
    if as_json:
        rows = [{"name": each.name, "kind": each.kind, "letters": n, "url": each.url} for each, n in counts.items()]
        typer.echo(json.dumps(rows))
    else:
        table = Table("queue", "of a", "letters")
        for each, letters in counts.items():
            table.add_row(each.name, each.kind, str(letters), style="red" if letters else None)
        session.console.print(table)
        for name in (each.name for each, letters in counts.items() if letters):
            session.say(f"`ops dlq show {name}` says why, `ops dlq redrive {name}` gives them on again.")
    raise typer.Exit(FINDINGS if any(counts.values()) else 0)


@app.command(
    epilog=lesson(
        ("dlq show project_clients", "the first letters of this consumer, and why it refused them"),
        ("dlq show pipe --limit 100", "what the pipe gave up"),
        ("dlq show notify_client --reveal", "with the bodies: names and addresses of clients"),
        well="looked",
    )
)
def show(
    context: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many letters at most.")] = 10,
    reveal: Annotated[bool, typer.Option(help="Show the bodies too. They hold personal data.")] = False,
) -> None:
    """Show letters of a queue, each with the reason why it is there. They stay in the queue."""
    session: Session = context.obj
    aws, source = session.aws, queue(session.aws, name)
    taken: list[Letter] = []
    with answering(aws.stack):
        try:
            for batch in held(aws, source, limit):
                taken += batch
                for letter in batch:
                    session.console.print(f"{letter.id}  sent {letter.sent:%Y-%m-%d %H:%M:%S} UTC", style="bold")
                    session.say(f"  {letter.summary}")
                    session.say(f"  why: {_why(aws, source, letter)}", style="yellow")
                    if reveal:
                        session.say(f"  {letter.body}")
        finally:
            give_back(aws, source, taken)
    if not taken:
        session.say(f"There is no letter in the dead-letter queue {name}.")


@app.command(
    epilog=lesson(
        ("dlq redrive project_clients", "after its cause is mended: all of them once more"),
        ("dlq redrive pipe --limit 1", "one, to see whether it passes now"),
        well="all were taken, or there was none",
        wrong="some failed again: they stay, and their reasons are shown",
    )
)
def redrive(
    context: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option(min=1, help="So many letters at most.")] = 100_000,
) -> None:
    """Give the letters on again, and say why the ones that fail again do. Exit code 1 if any does.

    A letter is deleted only after it was taken. It is safe to interrupt and to repeat: events may come twice.
    """
    session: Session = context.obj
    aws, source = session.aws, queue(session.aws, name)
    failed: list[Outcome] = []
    taken = 0
    with answering(aws.stack), Progress(console=session.console, transient=True) as progress:
        bar = progress.add_task(f"redrive of {name}", total=min(limit, count(aws, source)) or None)
        try:
            for batch in held(aws, source, limit):
                for outcome in _redriven(aws, source, batch):
                    if outcome.reason is None:
                        delete(aws, source, outcome.letter)
                        taken += 1
                    else:
                        failed.append(outcome)
                    progress.advance(bar)
        finally:
            give_back(aws, source, [outcome.letter for outcome in failed])
    if taken or failed:
        session.say(f"{taken} letters were taken, {len(failed)} failed again and stay in the queue.")
    else:
        session.say(f"There is no letter in the dead-letter queue {name}.")
    for outcome in failed:
        session.say(f"{outcome.letter.id}  {outcome.letter.summary}", style="bold")
        session.say(f"  why: {outcome.reason}", style="yellow")
    raise typer.Exit(FINDINGS if failed else 0)


@app.command(
    "delete",
    epilog=lesson(
        ("dlq show project_clients", "has the letters' ids"),
        ("dlq delete project_clients 6f1c9f6e-8a0e-4d0c-9b52-2f3d0c6f4a11", "drop this one"),
        well="it is gone",
    ),
)
def delete_(
    context: typer.Context, name: Name, message: Annotated[str, typer.Argument(help="The letter's id.")]
) -> None:
    """Delete one letter for good: what it carries will not be done."""
    session: Session = context.obj
    aws, source = session.aws, queue(session.aws, name)
    others: list[Letter] = []
    with answering(aws.stack):
        try:
            for batch in held(aws, source, 100_000):
                for letter in batch:
                    if letter.id == message:
                        delete(aws, source, letter)
                        session.say(f"Deleted: {letter.summary}")
                        return
                others += batch
        finally:
            give_back(aws, source, others)
    raise LetterUnknown(
        f"There is no letter {message} in the dead-letter queue {name}: `ops dlq show {name}` has their ids."
    )


def _redriven(aws: Aws, source: DeadLetterQueue, batch: list[Letter]) -> list[Outcome]:
    match source.kind:
        case "pipe":
            return redrive_pipe.redrive(aws, batch)
        case "schedule":
            return redrive_schedule.redrive(aws, source, batch)
        case "consumer":
            return redrive_consumer.redrive(aws, source, batch)


def _why(aws: Aws, source: DeadLetterQueue, letter: Letter) -> str:
    match source.kind:
        case "pipe":
            return redrive_pipe.condition(letter)
        case "schedule":
            return redrive_schedule.error(letter)
        case "consumer":
            function = aws.stack.output(f"{source.name}_function")
            since_ms = int(letter.sent.timestamp() * 1000) - LOGS_BACK_MS
            return last_reason(aws, function, (letter.id, *letter.event_ids), since_ms)
