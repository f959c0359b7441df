"""`ops log`: what a function of the system complained of, repeated complaints together."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops.aws import Aws, answering
from ops.errors import FINDINGS, OpsError
from ops.functions import log_group
from ops.lesson import lesson
from ops.session import Session

LEVELS = ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")
ENDINGS = ("timeout", "error", "failure")
# Of JSON lines, which the functions and Lambda itself write; the twin's Lambda writes plain ones, and all are read.
PATTERN = " || ".join(
    [*(f'($.level = "{level}")' for level in LEVELS), *(f'($.record.status = "{ending}")' for ending in ENDINGS)]
)
# What Lambda says of every invocation, well or not.
_USUAL = ("START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START")
_TRACEBACK = "Traceback (most recent call last):"
SHOWN = 20


class FunctionUnknown(OpsError):  # noqa: N818 - named by what is wrong
    """The stack has no function of that name."""

    exit_code = 2


@dataclass(frozen=True)
class Complaint:
    """One line of a log that tells of a failure, without what is different each time."""

    level: str
    text: str


@dataclass
class Told:
    """How often a complaint came, and when (epoch milliseconds)."""

    times: int
    first_ms: int
    last_ms: int


def log(
    context: typer.Context,
    function: Annotated[str, typer.Argument(help="A function by the name of its folder, such as `place_order`.")],
    minutes: Annotated[int, typer.Option(min=1, max=20_160, help="How far to look back.")] = 60,
) -> None:
    """Show what a function complained of lately: warnings, errors, timeouts. Equal ones are counted, newest last.

    Metrics count errors; this says what they were. Logs hold ids and counts, nothing personal.
    """
    session: Session = context.obj
    aws = session.aws
    known = aws.stack.ending("_function")
    if function not in known:
        raise FunctionUnknown(f"There is no function {function!r}: choose one of {', '.join(known)}.")
    with answering(aws.stack):
        found = complaints(_events(aws, known[function], int(time.time() * 1000) - minutes * 60_000))
    for complaint, told in sorted(found.items(), key=lambda each: each[1].last_ms)[-SHOWN:]:
        when = f"{_clock(told.first_ms)} to {_clock(told.last_ms)}" if told.times > 1 else _clock(told.last_ms)
        session.say(f"{told.times:>5} x  {complaint.level:<8} {when} UTC", style="bold")
        session.say(f"         {complaint.text}")
    if len(found) > SHOWN:
        session.say(f"... and {len(found) - SHOWN} older ones.")
    if not found:
        session.say(f"{function} complained of nothing in the last {minutes} minutes.", style="green")
    raise typer.Exit(FINDINGS if found else 0)


EPILOG = lesson(
    ("log place_order", "what went wrong in the last hour"),
    ("--stack prod log project_clients --minutes 600", "on AWS, in the last ten hours"),
    well="it complained of nothing",
    wrong="it complained",
)


def complaints(events: Iterable[tuple[int, str]]) -> dict[Complaint, Told]:
    """Sort the lines of a log (epoch milliseconds, text) into complaints."""
    found: dict[Complaint, Told] = {}
    for at_ms, complaint in _complaining(events):
        told = found.setdefault(complaint, Told(0, at_ms, at_ms))
        told.times += 1
        told.first_ms, told.last_ms = min(told.first_ms, at_ms), max(told.last_ms, at_ms)
    return found


def _complaining(events: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Complaint]]:
    traceback = False
    for at_ms, text in events:
        line = text.rstrip()
        if line == _TRACEBACK:
            traceback = True
        elif line.startswith("{"):
            traceback = False
            if (complaint := _of_json(line)) is not None:
                yield at_ms, complaint
        elif line.startswith(_USUAL):
            traceback = False
        elif line and not (traceback and line.startswith(" ")):
            # The last line of a traceback is the one that says what happened.
            yield at_ms, Complaint("ERROR", line)


def _of_json(line: str) -> Complaint | None:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return Complaint("ERROR", line)
    record = entry.get("record")
    if isinstance(record, dict) and record.get("status") in ENDINGS:
        return Complaint("ERROR", f"Lambda ended an invocation: {record['status']} ({entry.get('type')})")
    if str(entry.get("level")) not in LEVELS:
        return None
    parts = [entry.get(name) for name in ("message", "errorType", "errorMessage", "kind", "reason", "exception_name")]
    return Complaint(str(entry["level"]), ": ".join(str(part) for part in parts if part))


def _events(aws: Aws, function: str, since_ms: int) -> Iterator[tuple[int, str]]:
    pages = (
        aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=log_group(aws, function), startTime=since_ms, filterPattern=f"{{ {PATTERN} }}")
    )
    for page in pages:
        yield from ((int(event["timestamp"]), str(event["message"])) for event in page.get("events", []))


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S}"
