"""The task's replication slot: made, looked at, deleted."""

from __future__ import annotations

import time
from typing import Any

import psycopg2

from twin.capture.checkpoint import Checkpoint
from twin.capture.errors import ReloadError, SourceError
from twin.capture.source import connection
from twin.capture.spec import Source, Spec

PLUGIN = "test_decoding"
_DROP_S = 20.0


def create_slot(opened: Any, name: str) -> str:
    """Make the slot on a replication connection.

    Returns:
        The name of a snapshot of the database at the slot's start; it lives until the connection is used again.
    """
    cursor = opened.cursor()
    cursor.create_replication_slot(name, output_plugin=PLUGIN)
    return str(cursor.fetchone()[2])


def slot_exists(source: Source, name: str) -> bool:
    """Tell whether the slot is there and of use.

    Raises:
        ReloadError: it is there, but the server has thrown away the log it needs.
        SourceError: another database or plugin has a slot of that name.
    """
    with connection(source) as opened, opened.cursor() as cursor:
        cursor.execute("select database, plugin, wal_status from pg_replication_slots where slot_name = %s", (name,))
        row = cursor.fetchone()
    if row is None:
        return False
    database, plugin, status = row
    if (database, plugin) != (source.database, PLUGIN):
        raise SourceError(f"The slot {name} belongs to database {database} and plugin {plugin}: drop it.")
    if status == "lost":
        raise ReloadError(
            f"The log that slot {name} needs is gone (wal_status lost, see max_slot_wal_keep_size): changes are "
            "lost to the task. Start it with --reload to load the target anew."
        )
    return True


def release(source: Source, name: str) -> None:
    """Delete the slot, also if somebody reads it; does nothing if it is absent.

    Raises:
        SourceError: its reader does not let go.
    """
    deadline = time.monotonic() + _DROP_S
    with connection(source) as opened, opened.cursor() as cursor:
        while True:
            cursor.execute("select active_pid from pg_replication_slots where slot_name = %s", (name,))
            row = cursor.fetchone()
            if row is None:
                return
            if row[0] is not None:
                cursor.execute("select pg_terminate_backend(%s)", row)
            try:
                cursor.execute("select pg_drop_replication_slot(%s)", (name,))
            except psycopg2.errors.UndefinedObject:
                return
            except psycopg2.errors.ObjectInUse as error:
                if time.monotonic() > deadline:
                    raise SourceError(f"The slot {name} is still in use: {str(error).strip()}") from error
                time.sleep(0.05)


def drop_slot(spec: Spec) -> None:
    """Delete what a task leaves behind: its slot, also if it is in use or absent, and its checkpoint.

    Raises:
        SourceError: the slot's reader does not let go.
        psycopg2.Error: the source cannot be reached; the slot would hold its log back, so try again.
    """
    release(spec.source, spec.slot_name)
    Checkpoint(spec.folder).remove()
