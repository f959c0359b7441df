"""The settings of an event source mapping, read from its specification and checked as AWS checks them.

Sources: CreateEventSourceMapping of the Lambda API; "Creating and configuring an Amazon SQS event source mapping" of
the Lambda developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.event_source.errors import MappingSettingsError
from twin.pattern import filter_patterns

REPORT_FAILURES = "ReportBatchItemFailures"
DEFAULT_BATCH = 10
# AWS begins with five batches at a time and scales up from there; the twin's machine is small.
DEFAULT_CONCURRENCY = 5

_QUEUE_ARN = re.compile(r"arn:aws[\w-]*:sqs:([a-z0-9-]+):(\d{12}):([\w.-]+)")


@dataclass(frozen=True)
class MappingSettings:
    """Checked settings of one mapping."""

    uuid: str
    queue_arn: str
    function_name: str
    batch_size: int
    batching_window_s: int
    report_failures: bool
    concurrency: int
    patterns: tuple[str, ...]
    enabled: bool
    aws: Mapping[str, str | None]
    queue_aws: Mapping[str, str | None]
    folder: Path

    @property
    def queue_name(self) -> str:
        """Name of the queue."""
        return self.queue_arn.rsplit(":", 1)[-1]

    @property
    def region(self) -> str:
        """Region of the queue."""
        return self.queue_arn.split(":")[3]


def read_settings(document: Mapping[str, Any]) -> MappingSettings:
    """Read and check a specification.

    Raises:
        MappingSettingsError: a setting that AWS or the twin does not take; the message names it.
    """
    uuid, arn, function = (_required(document, key) for key in ("uuid", "event_source_arn", "function_name"))
    if _QUEUE_ARN.fullmatch(arn) is None:
        raise MappingSettingsError(f"The twin maps SQS queues to functions; the event source of {function} is {arn}.")
    if arn.endswith(".fifo"):
        raise MappingSettingsError(f"The twin maps standard queues only; the event source of {function} is {arn}.")
    window_s = _integer(document, "maximum_batching_window_in_seconds", 0, 0, 300)
    batch_size = _integer(document, "batch_size", DEFAULT_BATCH, 1, 10_000)
    if batch_size > DEFAULT_BATCH and window_s < 1:
        raise MappingSettingsError(
            f"The mapping of {function} has batch_size {batch_size}: "
            "above 10, maximum_batching_window_in_seconds must be at least 1."
        )
    types = document.get("function_response_types") or []
    if any(name != REPORT_FAILURES for name in types):
        raise MappingSettingsError(
            f"The mapping of {function} has function_response_types {types}, not {REPORT_FAILURES}."
        )
    return MappingSettings(
        uuid=uuid,
        queue_arn=arn,
        function_name=function,
        batch_size=batch_size,
        batching_window_s=window_s,
        report_failures=REPORT_FAILURES in types,
        concurrency=_integer(document.get("scaling_config") or {}, "maximum_concurrency", DEFAULT_CONCURRENCY, 2, 1000),
        patterns=tuple(filter_patterns(document.get("filter_criteria"))),
        enabled=document.get("enabled") is not False,
        aws=document["aws"],
        # On AWS the queue is polled with the function's execution role, and the function invoked by the service.
        queue_aws=document.get("queue_aws") or document["aws"],
        folder=Path(_required(document, "folder")),
    )


def check_timeouts(function: str, function_timeout_s: int, queue: str, visibility_timeout_s: int) -> None:
    """Check that a message stays invisible for as long as the function may work on it.

    Raises:
        MappingSettingsError: the function's timeout is longer than the queue's visibility timeout.
    """
    if function_timeout_s > visibility_timeout_s:
        raise MappingSettingsError(
            f"Queue {queue} has a visibility timeout of {visibility_timeout_s} s, less than the timeout of function "
            f"{function}, {function_timeout_s} s: AWS refuses the mapping. Make it at least {6 * function_timeout_s} s."
        )


def _required(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise MappingSettingsError(f"The mapping's specification has no {key}.")
    return value


def _integer(parameters: Mapping[str, Any], key: str, default: int, least: int, most: int) -> int:
    value = parameters.get(key)
    if value is None:
        return default
    # Numbers may come as floats with no fraction from the engine's property values.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise MappingSettingsError(f"{key} is {value!r}; it must be an integer.")
    if not least <= value <= most:
        raise MappingSettingsError(f"{key} is {int(value)}; it must be from {least} to {most}.")
    return int(value)
