"""The source database: connections to it, and what must hold of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extras import LogicalReplicationConnection

from twin.capture.errors import SourceError
from twin.capture.spec import Source

_TIMEOUT_LEAST_MS, _TIMEOUT_MOST_MS = 10_000, 300_000


@contextmanager
def connection(source: Source) -> Iterator[Any]:
    """Open a connection for plain statements, each its own transaction, closed at the end."""
    opened = psycopg2.connect(**source.connection())
    try:
        opened.autocommit = True
        yield opened
    finally:
        opened.close()


@contextmanager
def replication(source: Source) -> Iterator[Any]:
    """Open a replication connection, closed at the end."""
    opened = psycopg2.connect(**source.connection(), connection_factory=LogicalReplicationConnection)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def snapshot(source: Source, name: str) -> Iterator[Any]:
    """Open a connection that sees the database as an exported snapshot does."""
    with connection(source) as opened:
        opened.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True, autocommit=False)
        with opened.cursor() as cursor:
            cursor.execute("set transaction snapshot %s", (name,))
        yield opened


def check(source: Source) -> float:
    """See whether the server can be captured.

    Returns:
        Seconds after which it drops a silent reader, infinity if never.

    Raises:
        SourceError: a setting does not allow it, or DMS would not accept it.
    """
    with connection(source) as opened, opened.cursor() as cursor:
        cursor.execute(
            "select name, setting from pg_settings where name in ('wal_level', 'server_encoding', 'wal_sender_timeout')"
        )
        settings = dict(cursor.fetchall())
        cursor.execute("select rolreplication or rolsuper from pg_roles where rolname = current_user")
        (may_replicate,) = cursor.fetchone()
    if not may_replicate:
        raise SourceError(
            f"Role {source.username} may not replicate: grant it rds_replication on Aurora, "
            "alter role ... replication elsewhere."
        )
    if settings["wal_level"] != "logical":
        raise SourceError(
            f"wal_level is {settings['wal_level']}: set rds.logical_replication = 1 in the cluster parameter group "
            "(wal_level = logical elsewhere) and restart the server."
        )
    if settings["server_encoding"] != "UTF8":
        raise SourceError(f"Database {source.database} is in {settings['server_encoding']}: the twin reads UTF8 only.")
    timeout_ms = int(settings["wal_sender_timeout"])
    if timeout_ms and not _TIMEOUT_LEAST_MS <= timeout_ms < _TIMEOUT_MOST_MS:
        raise SourceError(
            f"wal_sender_timeout is {timeout_ms} ms: DMS takes 0 or 10000 ms to below 5 minutes. Change it."
        )
    return timeout_ms / 1000 if timeout_ms else float("inf")


def system_identifier(source: Source) -> str:
    """Give the identity of the database server's data, which a restart keeps."""
    with replication(source) as opened, opened.cursor() as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        return str(cursor.fetchone()[0])
