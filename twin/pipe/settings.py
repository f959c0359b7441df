"""The settings of a pipe, read from its specification and checked as AWS checks them.

Sources: PipeSourceKinesisStreamParameters and PipeTargetParameters of the Pipes API; "Amazon EventBridge Pipes
batching and concurrency" of the EventBridge user guide (a batch may not be larger than the target takes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twin.pattern import filter_patterns
from twin.pipe.errors import PipeSettingsError

STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
# Largest batch that a target takes in one request.
TARGET_BATCH = {"sns": 10, "sqs": 10}
DEFAULT_BATCH = 100
UNLIMITED = -1

_ARN = re.compile(r"arn:aws[\w-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12}):(.+)")
_KINESIS_KEYS = frozenset(
    {
        "startingPosition",
        "startingPositionTimestamp",
        "batchSize",
        "maximumBatchingWindowInSeconds",
        "maximumRecordAgeInSeconds",
        "maximumRetryAttempts",
        "onPartialBatchItemFailure",
        "parallelizationFactor",
        "deadLetterConfig",
    }
)


@dataclass(frozen=True)
class PipeSettings:
    """Checked settings of one pipe. Durations are in seconds; `UNLIMITED` (-1) means no limit."""

    name: str
    arn: str
    source_arn: str
    target_arn: str
    target_service: str
    starting_position: str
    starting_timestamp: float | None
    batch_size: int
    batching_window_s: int
    maximum_record_age_s: int
    maximum_retry_attempts: int
    bisect: bool
    parallelization_factor: int
    dead_letter_arn: str | None
    patterns: tuple[str, ...]
    input_template: str | None
    running: bool
    aws: Mapping[str, str | None]
    folder: Path

    @property
    def stream_name(self) -> str:
        """Name of the source stream."""
        return self.source_arn.rsplit("/", 1)[-1]

    @property
    def region(self) -> str:
        """Region of the source."""
        return self.source_arn.split(":")[3]


def read_settings(document: Mapping[str, Any]) -> PipeSettings:
    """Read and check a specification (parameters in camelCase, as Pulumi gives them).

    Raises:
        PipeSettingsError: a setting that AWS or the twin does not take; the message names it.
    """
    name = _required(document, "name")
    source_service, region, account, source = _arn(_required(document, "source_arn"), "source")
    if source_service != "kinesis" or not source.startswith("stream/"):
        raise PipeSettingsError(
            f"The twin's pipe reads from a Kinesis stream; pipe {name} reads from {source_service}."
        )
    target_service, target_arn = _target(name, _required(document, "target_arn"))
    parameters = document.get("source_parameters") or {}
    kinesis = {
        key: value for key, value in (parameters.get("kinesisStreamParameters") or {}).items() if value is not None
    }
    unknown = sorted(set(kinesis) - _KINESIS_KEYS)
    if unknown:
        raise PipeSettingsError(f"Pipe {name} has unknown Kinesis source parameters: {', '.join(unknown)}.")
    position = kinesis.get("startingPosition")
    if position not in STARTING_POSITIONS:
        raise PipeSettingsError(f"Pipe {name}: startingPosition is {position!r}, not one of {STARTING_POSITIONS}.")
    most = TARGET_BATCH[target_service]
    batch_size = _integer(kinesis, "batchSize", min(DEFAULT_BATCH, most), 1, 10_000)
    if batch_size > most:
        raise PipeSettingsError(
            f"Pipe {name}: batchSize is {batch_size}, but a target of {target_service.upper()} takes {most} at most."
        )
    partial = kinesis.get("onPartialBatchItemFailure")
    if partial not in (None, "AUTOMATIC_BISECT"):
        raise PipeSettingsError(f"Pipe {name}: onPartialBatchItemFailure is {partial!r}, not AUTOMATIC_BISECT.")
    desired = document.get("desired_state") or "RUNNING"
    if desired not in ("RUNNING", "STOPPED"):
        raise PipeSettingsError(f"Pipe {name}: desired_state is {desired!r}, not RUNNING or STOPPED.")
    return PipeSettings(
        name=name,
        arn=f"arn:aws:pipes:{region}:{account}:pipe/{name}",
        source_arn=document["source_arn"],
        target_arn=target_arn,
        target_service=target_service,
        starting_position=position,
        starting_timestamp=_timestamp(name, position, kinesis.get("startingPositionTimestamp")),
        batch_size=batch_size,
        batching_window_s=_integer(kinesis, "maximumBatchingWindowInSeconds", 0, 0, 300),
        maximum_record_age_s=_record_age(name, kinesis),
        maximum_retry_attempts=_integer(kinesis, "maximumRetryAttempts", UNLIMITED, UNLIMITED, 10_000),
        bisect=partial == "AUTOMATIC_BISECT",
        parallelization_factor=_integer(kinesis, "parallelizationFactor", 1, 1, 10),
        dead_letter_arn=_dead_letter_arn(name, kinesis.get("deadLetterConfig")),
        patterns=tuple(filter_patterns(parameters.get("filterCriteria"))),
        input_template=(document.get("target_parameters") or {}).get("inputTemplate") or None,
        running=desired == "RUNNING",
        aws=document["aws"],
        folder=Path(_required(document, "folder")),
    )


def _required(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise PipeSettingsError(f"The pipe's specification has no {key}.")
    return value


def _arn(text: str, what: str) -> tuple[str, str, str, str]:
    found = _ARN.fullmatch(text)
    if found is None:
        raise PipeSettingsError(f"The pipe's {what} {text!r} is not an ARN.")
    return found[1], found[2], found[3], found[4]


def _target(name: str, arn: str) -> tuple[str, str]:
    service, _, _, resource = _arn(arn, "target")
    if service not in TARGET_BATCH:
        raise PipeSettingsError(
            f"The twin's pipe delivers to SNS topics and SQS queues; the target of pipe {name} is {service}."
        )
    if resource.endswith(".fifo"):
        reason = "AWS pipes do not deliver to" if service == "sns" else "the twin's pipe does not deliver to"
        raise PipeSettingsError(f"The target of pipe {name} is FIFO ({arn}); {reason} these.")
    return service, arn


def _integer(parameters: Mapping[str, Any], key: str, default: int, least: int, most: int) -> int:
    value = parameters.get(key, default)
    # Numbers may come as floats with no fraction from the engine's property values.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise PipeSettingsError(f"{key} is {value!r}; it must be an integer.")
    if not least <= value <= most:
        raise PipeSettingsError(f"{key} is {int(value)}; it must be from {least} to {most}.")
    return int(value)


def _record_age(name: str, kinesis: Mapping[str, Any]) -> int:
    age = _integer(kinesis, "maximumRecordAgeInSeconds", UNLIMITED, UNLIMITED, 604_800)
    if 0 <= age < 60:
        raise PipeSettingsError(f"Pipe {name}: maximumRecordAgeInSeconds is {age}; it must be -1 or at least 60.")
    return age


def _timestamp(name: str, position: str, value: Any) -> float | None:
    if position != "AT_TIMESTAMP":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise PipeSettingsError(
            f"Pipe {name}: AT_TIMESTAMP needs startingPositionTimestamp, a time in ISO 8601; it is {value!r}."
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _dead_letter_arn(name: str, config: Mapping[str, Any] | None) -> str | None:
    arn = (config or {}).get("arn")
    if not arn:
        return None
    service = _arn(arn, "dead letter target")[0]
    if service not in ("sqs", "sns"):
        raise PipeSettingsError(f"The dead letter target of pipe {name} is {service}; it must be SQS or SNS.")
    return str(arn)
