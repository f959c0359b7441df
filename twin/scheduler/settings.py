"""The settings of a schedule, read from its specification and checked as AWS checks them.

Sources: CreateSchedule and RetryPolicy of the EventBridge Scheduler API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twin.scheduler.errors import ScheduleSettingsError
from twin.scheduler.expression import Expression, parse

MOST_RETRIES = 185
LEAST_AGE_S, MOST_AGE_S = 60, 86_400

_FUNCTION_ARN = re.compile(r"arn:aws[\w-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?")
_QUEUE_ARN = re.compile(r"arn:aws[\w-]*:sqs:[a-z0-9-]+:\d{12}:[\w-]+")


@dataclass(frozen=True)
class ScheduleSettings:
    """Checked settings of one schedule; moments are aware.

    Attributes:
        expression: makes the times, of the moment at which a rate begins.
        identity: what makes it another schedule when it changes.
        most_retries: attempts after the first.
        most_age_s: how long after its time an invocation is given up.
    """

    name: str
    arn: str
    expression: Callable[[datetime], Expression]
    identity: str
    start: datetime | None
    end: datetime | None
    enabled: bool
    function_arn: str
    input: str
    most_retries: int
    most_age_s: int
    dead_letter_arn: str | None
    aws: Mapping[str, str | None]
    folder: Path


def read_settings(document: Mapping[str, Any]) -> ScheduleSettings:
    """Read and check a specification.

    Raises:
        ScheduleSettingsError: a setting that AWS or the twin does not take; the message names it.
    """
    name, arn, text = (_required(document, key) for key in ("name", "arn", "schedule_expression"))
    timezone = document.get("schedule_expression_timezone") or "UTC"
    target: Mapping[str, Any] = document.get("target") or {}
    function = str(target.get("arn") or "")
    if _FUNCTION_ARN.fullmatch(function) is None:
        raise ScheduleSettingsError(
            f"The twin's schedules invoke Lambda functions; the target of {name} is {function}."
        )
    retry: Mapping[str, Any] = target.get("retryPolicy") or {}
    dead_letter = (target.get("deadLetterConfig") or {}).get("arn")
    if dead_letter is not None and _QUEUE_ARN.fullmatch(dead_letter) is None:
        raise ScheduleSettingsError(
            f"The dead-letter queue of {name} must be a standard queue's ARN, not {dead_letter}."
        )
    start, end = (_moment(document, key) for key in ("start_date", "end_date"))
    return ScheduleSettings(
        name=name,
        arn=arn,
        expression=parse(text, timezone),
        identity=json.dumps([text, timezone, document.get("start_date"), document.get("state")]),
        start=start,
        end=end,
        enabled=(document.get("state") or "ENABLED") == "ENABLED",
        function_arn=function,
        input=_input(name, target.get("input")),
        most_retries=_integer(retry, "maximumRetryAttempts", MOST_RETRIES, 0, MOST_RETRIES),
        most_age_s=_integer(retry, "maximumEventAgeInSeconds", MOST_AGE_S, LEAST_AGE_S, MOST_AGE_S),
        dead_letter_arn=dead_letter,
        aws=document["aws"],
        folder=Path(_required(document, "folder")),
    )


def _input(name: str, text: Any) -> str:
    """The input, which a function takes as JSON only; an empty object where there is none."""
    if text is None:
        return "{}"
    try:
        json.loads(text)
    except (TypeError, ValueError) as error:
        raise ScheduleSettingsError(f"The input of {name} is not JSON, as Lambda needs it: {error}.") from error
    return str(text)


def _required(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ScheduleSettingsError(f"The schedule's specification has no {key}.")
    return value


def _moment(document: Mapping[str, Any], key: str) -> datetime | None:
    value = document.get(key)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ScheduleSettingsError(
            f"The schedule's {key} is {value!r}, which is no time as ISO 8601 has it."
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _integer(parameters: Mapping[str, Any], key: str, default: int, least: int, most: int) -> int:
    value = parameters.get(key)
    if value is None:
        return default
    # Numbers may come as floats with no fraction from the engine's property values.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ScheduleSettingsError(f"{key} is {value!r}; it must be an integer.")
    if not least <= value <= most:
        raise ScheduleSettingsError(f"{key} is {int(value)}; it must be from {least} to {most}.")
    return int(value)
