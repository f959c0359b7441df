"""Errors of the change capture, and the exit code of the process for each.

    TwinError
    └── CaptureError            everything the change capture raises on purpose
        ├── SpecError      (2)  the task is refused: DMS would refuse it, or the twin does not do it
        ├── SourceError    (3)  the source cannot be captured as it is set up: change it, then start again
        ├── ReloadError    (4)  the slot or its log is gone: changes are lost to the task, reload the target
        ├── StoppedError   (5)  an error policy of the task says STOP_TASK, or its retries are used up
        ├── DecodeError    (6)  the output of the plugin is not what its grammar allows
        ├── RecordError    (5)  one row cannot become a Kinesis record; the task's error policy decides
        │   └── TruncationError     a LOB is longer than LobMaxSize
        └── KinesisError        one call to Kinesis failed; tried again, so it never ends the process

Errors that time heals (server down, throttling) are never raised: they are logged and tried again.
"""

from __future__ import annotations

from typing import ClassVar

from twin.errors import TwinError


class CaptureError(TwinError):
    """Something the change capture could not do; the message says what to do."""

    exit_code: ClassVar[int] = 1


class SpecError(CaptureError):
    """The task is refused before it starts."""

    exit_code = 2


class SourceError(CaptureError):
    """The source server, database, role or table is not fit for the task."""

    exit_code = 3


class ReloadError(CaptureError):
    """The position in the log is lost: only a full load makes the target complete again."""

    exit_code = 4


class StoppedError(CaptureError):
    """An error policy of the task stopped it."""

    exit_code = 5


class DecodeError(CaptureError):
    """A message of the output plugin cannot be understood."""

    exit_code = 6


class RecordError(CaptureError):
    """One row cannot be written as DMS would write it."""

    exit_code = 5


class TruncationError(RecordError):
    """A LOB is longer than the task settings allow, and the policy forbids to cut it."""


class KinesisError(CaptureError):
    """A call to Kinesis failed as a whole."""
