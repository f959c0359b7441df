"""Errors of the pipe.

    TwinError                 (twin.errors)
    ├── PipeSettingsError     the pipe's settings are not ones that AWS, or the twin, would take
    ├── StreamGoneError       the source stream, or a shard of it, does not exist any more
    └── StoppedError          the pipe was told to stop while it waited

A record that cannot be delivered is no error: it is tried again, and in the end goes to the dead letter queue.
"""

from __future__ import annotations

from twin.errors import TwinError


class PipeSettingsError(TwinError):
    """The settings of the pipe are not ones that AWS, or the twin, would take."""


class StreamGoneError(TwinError):
    """The source stream, or a shard of it, does not exist any more."""


class StoppedError(TwinError):
    """The pipe was told to stop while it waited; what it was about to do is done at the next start."""
