"""`ops capture`: the task that reads the log. `reload` is what mends a lost slot."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from ops.aws import Aws, answering
from ops.errors import FINDINGS, OpsError
from ops.lesson import lesson
from ops.session import Session

app = typer.Typer(
    help="Change capture: the DMS task from the database to the stream. `reload` mends a lost slot.",
    no_args_is_help=True,
)

POLL_S = 1.0
# A full load of a large outbox and the start of a replication instance take minutes.
WAIT_S = 1800
Wait = Annotated[int, typer.Option("--wait", min=1, help="So many seconds at most until it is done.")]


# By status: what to do about it.
_HINTS = {
    "stopped": "`ops capture start` goes on where it stopped.",
    "failed": "`ops capture start` goes on when the cause is mended; a lost slot is mended by `ops capture reload`.",
}


class TaskFailed(OpsError):  # noqa: N818 - named by what happened
    """The task did not get into the state that was asked for."""

    exit_code = FINDINGS


@app.command(
    epilog=lesson(
        ("capture status", "the first thing to look at when no event arrives"),
        well="it runs",
        wrong="it is stopped, failed, starting or stopping",
    )
)
def status(context: typer.Context) -> None:
    """Show the task's state, and why it failed if it did. Exit code 1 unless it runs."""
    session: Session = context.obj
    task = describe(session.aws)
    session.say(f"{task['ReplicationTaskIdentifier']}: {task['Status']}")
    for reason in ("StopReason", "LastFailureMessage"):
        if task.get(reason):
            session.say(f"  {task[reason]}")
    if (hint := _HINTS.get(task["Status"])) is not None:
        session.say(hint, style="yellow")
    raise typer.Exit(0 if task["Status"] == "running" else FINDINGS)


@app.command(
    epilog=lesson(
        ("capture stop", "before work on the stream or the database"),
        well="it is stopped",
        wrong="it did not stop",
    )
)
def stop(context: typer.Context, wait_s: Wait = WAIT_S) -> None:
    """Stop the task. The database keeps its log from here on: do not leave it stopped for long."""
    session: Session = context.obj
    if describe(session.aws)["Status"] == "stopped":
        session.say("It is stopped already.")
        return
    stop_task(session.aws, wait_s)
    session.say("Stopped. `ops capture start` goes on where it stopped.")


@app.command(
    epilog=lesson(
        ("capture start", "go on where it stopped; every order taken meanwhile is delivered"),
        ("capture start --wait 300", "give up after five minutes instead of thirty"),
        well="it runs",
        wrong="it does not run, and why; after a lost slot only `reload` helps",
    )
)
def start(context: typer.Context, wait_s: Wait = WAIT_S) -> None:
    """Start the task where it stopped."""
    session: Session = context.obj
    if describe(session.aws)["Status"] == "running":
        session.say("It runs already.")
        return
    start_task(session.aws, "resume-processing", wait_s)
    session.say("Running.")


@app.command(
    epilog=lesson(
        ("capture reload", "the slot is lost, or the database was restored or replaced"),
        ("reconcile", "afterwards: is the read model complete?"),
        well="loaded anew, and running",
        wrong="it does not run, and why",
    )
)
def reload(context: typer.Context, wait_s: Wait = WAIT_S) -> None:
    """Load the outbox anew and go on from there: mends a lost slot or a restored database.

    Events that were sent before are sent again, which changes nothing: each consumer knows what it has done.
    """
    session: Session = context.obj
    if describe(session.aws)["Status"] == "running":
        stop_task(session.aws, wait_s)
    start_task(session.aws, "reload-target", wait_s)
    session.say("Loaded anew, and running. `ops reconcile` tells whether the read model is complete.")


def describe(aws: Aws) -> dict[str, Any]:
    """The task as DMS describes it. Raises OutputMissing, Unreachable."""
    filters = [{"Name": "replication-task-arn", "Values": [aws.stack.output("capture_task_arn")]}]
    with answering(aws.stack):
        (task,) = aws.client("dms").describe_replication_tasks(Filters=filters, WithoutSettings=True)[
            "ReplicationTasks"
        ]
    return dict(task)


def start_task(aws: Aws, how: str, wait_s: float) -> None:
    """Start the task and wait until it runs. Raises TaskFailed."""
    arn = aws.stack.output("capture_task_arn")
    with _refused("start"), answering(aws.stack):
        aws.client("dms").start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType=how)
    _wait(aws, {"running"}, wait_s)


def stop_task(aws: Aws, wait_s: float) -> None:
    """Stop the task and wait until it has. Raises TaskFailed."""
    with _refused("stop"), answering(aws.stack):
        aws.client("dms").stop_replication_task(ReplicationTaskArn=aws.stack.output("capture_task_arn"))
    _wait(aws, {"stopped", "failed"}, wait_s)


@contextmanager
def _refused(to: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        why = error.response["Error"].get("Message", error)
        raise TaskFailed(
            f"DMS does not {to} the task: {why} If it is on its way to another state, wait for it "
            "(`ops capture status`); if its slot is lost, `ops capture reload` mends it."
        ) from error


def _wait(aws: Aws, wanted: Collection[str], wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        task = describe(aws)
        if task["Status"] in wanted:
            return
        if task["Status"].startswith("failed") or time.monotonic() > deadline:
            why = task.get("LastFailureMessage") or task.get("StopReason") or "no reason is given"
            raise TaskFailed(f"The task is {task['Status']}: {why}")
        time.sleep(POLL_S)
