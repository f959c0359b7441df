"""The outbox and the idempotency records in PostgreSQL, by the functions of migrations/0007_pruning.sql."""

from __future__ import annotations

from functions.common.database import Database
from functions.prune_outbox.prune import State


class PostgresOutbox:
    """Prunes over a `Database` that is logged in as maintenance.

    A statement may be repeated when its answer was lost: it then removes another batch, and the first goes uncounted.

    Args:
        database: the connection.
        keep_hours: events younger than this stay, whatever the slots have passed; the database takes 24 at least.
        key_hours: how long an idempotency record lives; the database takes 1 at least.
    """

    def __init__(self, database: Database, keep_hours: int, key_hours: int) -> None:
        self._database = database
        self._keep_hours = keep_hours
        self._key_hours = key_hours

    def note_watermark(self) -> int:
        """See `Outbox`."""
        return self._number("select note_outbox_watermark()")

    def prune_events(self, rows: int) -> int:
        """See `Outbox`."""
        return self._number("select prune_outbox(make_interval(hours => %s), %s)", self._keep_hours, rows)

    def prune_keys(self, rows: int) -> int:
        """See `Outbox`."""
        return self._number("select prune_idempotency_keys(make_interval(hours => %s), %s)", self._key_hours, rows)

    def state(self) -> State:
        """See `Outbox`."""
        statement = (
            "select slots, lost_slots, oldest_seconds, rows_overdue from outbox_state(make_interval(hours => %s))"
        )
        return State(*self._database.repeatable(statement, (self._keep_hours,)))

    def _number(self, statement: str, *parameters: int) -> int:
        return int(self._database.repeatable(statement, parameters)[0])
