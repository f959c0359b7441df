"""Why a function refused messages: the words of its own log lines.

Functions log one JSON line with `reason`, and with `message_id`, `message_ids` or `event_id` where they know them, for
what they refuse (functions/*/handler.py). A line without any of these is about the whole batch.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ops.aws import Aws
from ops.functions import log_group

# How long a log line may take to arrive in CloudWatch Logs.
ARRIVAL_S = 15.0
POLL_S = 0.5
UNKNOWN = "the function logged no reason; it may have run out of time (`ops log`)"

Entry = dict[str, Any]


def last_reason(aws: Aws, function: str, ids: tuple[str, ...], since_ms: int) -> str:
    """The last reason that a function logged about one of these ids since then (epoch milliseconds)."""
    entries = [entry for id_ in ids for entry in _entries(aws, function, id_, since_ms)]
    about = [entry for entry in entries if _ids(entry).intersection(ids)]
    return _words(about[-1]) if about else UNKNOWN


def reasons_of_run(
    aws: Aws, function: str, ids: dict[str, tuple[str, ...]], since_ms: int, wait_s: float = ARRIVAL_S
) -> dict[str, str]:
    """Why a run of the function that was just made refused what has these ids; by the same keys.

    Waits for the log lines to arrive, `wait_s` at most. What has no line of its own gets that of the batch.
    """
    deadline = time.monotonic() + wait_s
    while True:
        entries = _entries(aws, function, "reason", since_ms)
        own = {key: _newest(entries, set(values)) for key, values in ids.items()}
        whole = [entry for entry in entries if not _ids(entry)]
        if all(own.values()) or whole or time.monotonic() >= deadline:
            rest = _words(whole[-1]) if whole else UNKNOWN
            return {key: _words(entry) if entry else rest for key, entry in own.items()}
        time.sleep(POLL_S)


def _newest(entries: list[Entry], ids: set[str]) -> Entry | None:
    return next((entry for entry in reversed(entries) if _ids(entry) & ids), None)


def _entries(aws: Aws, function: str, term: str, since_ms: int) -> list[Entry]:
    pages = (
        aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=log_group(aws, function), startTime=since_ms, filterPattern=f'"{term}"')
    )
    found = []
    for page in pages:
        for event in page.get("events", []):
            try:
                entry = json.loads(event["message"])
            except ValueError:
                continue  # Lambda's own lines in plain text
            if isinstance(entry, dict) and "reason" in entry:
                found.append(entry)
    return found


def _ids(entry: Entry) -> set[str]:
    named = [entry.get("message_id"), entry.get("event_id"), *(entry.get("message_ids") or [])]
    return {str(id_) for id_ in named if id_}


def _words(entry: Entry) -> str:
    return f"{entry.get('message', 'refused')}: {entry['reason']}"
