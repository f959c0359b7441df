"""What the task settings say about rows that cannot be written. Decides; the callers carry on or stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from twin.capture.errors import RecordError, StoppedError, TruncationError
from twin.capture.settings import DataPolicy, TaskSettings

log = logging.getLogger(__name__)

Name = tuple[str, str]


class Policies:
    """The error policies of a task, and the tables that they suspended.

    Args:
        settings: the task settings.
        stop_on_truncation: the source endpoint's FailTasksOnLobTruncation.
        suspended: (schema, table) suspended before.
        on_suspended: called with all suspended tables when one is added, to write it down.
    """

    def __init__(
        self,
        settings: TaskSettings,
        *,
        stop_on_truncation: bool = False,
        suspended: Iterable[Name] = (),
        on_suspended: Callable[[tuple[Name, ...]], None] = lambda _: None,
    ) -> None:
        self._errors = settings.error_behavior
        self._truncation: DataPolicy = (
            "STOP_TASK" if stop_on_truncation else settings.error_behavior.data_truncation_error_policy
        )
        self._suspended = set(suspended)
        self._on_suspended = on_suspended

    @property
    def suspended(self) -> tuple[Name, ...]:
        """The tables that are suspended."""
        return tuple(sorted(self._suspended))

    def is_suspended(self, schema: str, table: str) -> bool:
        """Tell whether rows of a table are no longer taken."""
        return (schema, table) in self._suspended

    def on_truncation(self, column: str) -> None:
        """Decide about a LOB that is too long: returns if it may be cut.

        Raises:
            TruncationError: the policy wants something else; hand it to `handle`.
        """
        message = f"{column} is longer than LobMaxSize."
        if self._truncation != "LOG_ERROR":
            raise TruncationError(message)
        log.error("%s It is cut.", message)

    def handle(self, error: RecordError, schema: str, table: str) -> None:
        """Decide about a row that cannot be written: returns if the task goes on without it.

        Raises:
            StoppedError: the policy is STOP_TASK.
        """
        truncated = isinstance(error, TruncationError) or isinstance(error.__cause__, TruncationError)
        policy = self._truncation if truncated else self._errors.data_error_policy
        if policy == "STOP_TASK":
            setting = "DataTruncationErrorPolicy or FailTasksOnLobTruncation" if truncated else "DataErrorPolicy"
            raise StoppedError(f"{error} The task stops ({setting}).") from error
        log.error("%s %s: the row is not sent.", error, policy)
        if policy == "SUSPEND_TABLE":
            self.suspend(schema, table)

    def suspend(self, schema: str, table: str) -> None:
        """Take a table out of the task until the target is reloaded."""
        log.error("Table %s.%s is suspended: none of its rows are sent until the target is reloaded.", schema, table)
        self._suspended.add((schema, table))
        self._on_suspended(self.suspended)

    def handle_table(self, error: Exception, schema: str, table: str) -> None:
        """Decide about a table that cannot be read: returns if the task goes on without it.

        Raises:
            StoppedError: TableErrorPolicy is STOP_TASK.
        """
        message = f"Table {schema}.{table} cannot be captured: {str(error).strip()}"
        if self._errors.table_error_policy == "STOP_TASK":
            raise StoppedError(f"{message} The task stops (TableErrorPolicy).") from error
        log.error("%s", message)
        self.suspend(schema, table)
