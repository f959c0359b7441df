"""Numbered SQL files, applied in order, each in a transaction of its own together with its record.

The table `schema_migration` keeps the name and SHA-256 of each. A file that was applied never changes again: what is to
be different comes in a new file. A session-level advisory lock lets one run at a time go on; a run that finds
everything applied changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from functions.migrate.errors import FolderInvalid, MigrationEdited, MigrationFailed, MigrationMissing

FILE_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql", re.ASCII)
# Any number will do that nobody else in this database takes.
LOCK = 7_204_118_630_224_001
LOCK_SECONDS = 60

LEDGER = """
create table if not exists schema_migration (
    number     integer primary key,
    name       varchar(200) not null,
    sha256     varchar(64) not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name and its SQL."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hex digest of the file's bytes."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def folder() -> Path:
    """Where the files are: beside the package `functions`, in the zip (LAMBDA_TASK_ROOT) and in the repository.

    Raises FolderInvalid if there is none.
    """
    roots = [Path(root) for root in (os.environ.get("LAMBDA_TASK_ROOT"),) if root]
    roots.append(Path(__file__).resolve().parents[2])
    for root in roots:
        if (root / "migrations").is_dir():
            return root / "migrations"
    raise FolderInvalid(f"No folder migrations in {' or '.join(map(str, roots))}: package it with the function.")


def read(path: Path) -> list[Migration]:
    """The folder's migrations in order.

    Raises FolderInvalid if a .sql file has another name than 0001_what_it_does.sql, or the numbers have a gap.
    """
    migrations = []
    for number, file in enumerate(sorted(path.glob("*.sql")), start=1):
        match = FILE_NAME.fullmatch(file.name)
        if match is None:
            raise FolderInvalid(f"{file.name}: name a migration like 0001_what_it_does.sql.")
        if int(match[1]) != number:
            raise FolderInvalid(f"{file.name}: number {number:04} was expected; numbers have neither gap nor twin.")
        # Bytes, so that the digest does not depend on how line ends are read.
        migrations.append(Migration(number, file.name, file.read_bytes().decode()))
    if not migrations:
        raise FolderInvalid(f"No .sql file in {path}.")
    return migrations


@contextmanager
def exclusive(connection: Connection) -> Iterator[None]:
    """Hold the advisory lock; waits for another run for at most 60 s, then psycopg2's error comes through."""
    with connection, connection.cursor() as cursor:
        cursor.execute("set lock_timeout = %s", (f"{LOCK_SECONDS}s",))
        cursor.execute("select pg_advisory_lock(%s)", (LOCK,))
    try:
        yield
    finally:
        # A connection that broke has lost the lock already.
        if not connection.closed:
            connection.rollback()
            with connection, connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", (LOCK,))


def apply(connection: Connection, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is not applied yet and give its names. The caller holds the lock.

    Raises MigrationEdited, MigrationMissing or MigrationFailed; files before the failing one stay applied.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(LEDGER)
        cursor.execute("select number, name, sha256 from schema_migration order by number")
        known = cursor.fetchall()
    _compare(known, migrations)
    pending = migrations[len(known) :]
    for migration in pending:
        _apply_one(connection, migration)
    return [migration.name for migration in pending]


def _compare(known: Sequence[tuple[int, str, str]], migrations: Sequence[Migration]) -> None:
    if len(known) > len(migrations):
        raise MigrationMissing(
            f"The database is at migration {known[-1][1]}, this package ends with {migrations[-1].name}: "
            "deploy the newer package."
        )
    for (number, name, digest), migration in zip(known, migrations, strict=False):
        if (number, name, digest) != (migration.number, migration.name, migration.sha256):
            raise MigrationEdited(
                f"{migration.name} is not what was applied as {name} (SHA-256 {digest[:12]}..., now "
                f"{migration.sha256[:12]}...): restore it and write a new migration for the change."
            )


def _apply_one(connection: Connection, migration: Migration) -> None:
    try:
        with connection, connection.cursor() as cursor:
            # One message with all statements of the file, and no parameters: % in SQL stays what it is.
            cursor.execute(migration.sql)
            cursor.execute(
                "insert into schema_migration (number, name, sha256) values (%s, %s, %s)",
                (migration.number, migration.name, migration.sha256),
            )
    except psycopg2.Error as error:
        reason = error.diag.message_primary or str(error).strip()
        raise MigrationFailed(f"{migration.name}: {reason} ({error.pgcode}); nothing of it was kept.") from error
