"""Errors that two or more functions share.

::

    FunctionError
    ├── SettingsError           an environment variable is missing or holds something else than it should
    ├── SecretUnreadable        Secrets Manager gave no secret, or one of another shape
    ├── DatabaseError           PostgreSQL refused a statement for a reason that no retry cures
    │   └── DatabaseUnavailable no connection, or no answer in time: the same request may work later
    ├── CacheUnavailable        the read model could not be reached
    ├── NotYetProjected         the read model is older than the version asked for
    ├── EventError              a message that is not an event this code understands
    │   ├── DamagedEvent        not JSON, or not of the shape that its type promises
    │   └── UnknownEvent        a type, table or operation that no decoder is registered for
    └── Problem                 an answer other than success, as a problem document (problems.py)
"""

from __future__ import annotations


class FunctionError(Exception):
    """Root of the errors of `functions`."""


class SettingsError(FunctionError):
    """An environment variable is missing or malformed; the message names it."""


class SecretUnreadable(FunctionError):  # noqa: N818 - named by what happened
    """A secret could not be read, or lacks a field; the message never holds its value."""


class DatabaseError(FunctionError):
    """PostgreSQL refused a statement.

    `sqlstate` is its five-character code, empty if there was none; `detail` is the server's DETAIL line and may
    hold data, so it is not part of the message.
    """

    def __init__(self, message: str, sqlstate: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail


class DatabaseUnavailable(DatabaseError):  # noqa: N818
    """No connection, or no answer within the bounds; nothing is wrong with the request."""


class CacheUnavailable(FunctionError):  # noqa: N818
    """The read model could not be reached, also not over a new connection."""


class NotYetProjected(FunctionError):  # noqa: N818
    """The read model has not reached the wanted version within the time allowed."""


class EventError(FunctionError):
    """A message that cannot be understood; it has to end in a dead-letter queue, never in silence."""


class DamagedEvent(EventError):  # noqa: N818
    """The message is not JSON or not of the shape that its type promises; the message names the place."""


class UnknownEvent(EventError):  # noqa: N818
    """The event's type, table or operation is none that this code knows."""
