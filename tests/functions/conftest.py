"""A migrated database, with the logins that its roles got."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest

from functions.common.settings import DatabaseSettings
from functions.migrate import migrations
from functions.migrate.handler import migrate
from tests.contract.handlers import documented  # noqa: F401 - for every test here
from tests.functions.migrated import MemorySecrets, Orders, migrate_settings
from twin.servers.postgres import PostgresServer


@pytest.fixture
def secrets(postgres: PostgresServer) -> MemorySecrets:
    """Secrets that hold the master's login and nothing else."""
    store = MemorySecrets()
    store.values["master"] = {"username": postgres.superuser, "password": postgres.superuser_password}
    return store


@pytest.fixture
def settings(postgres: PostgresServer, database: str) -> DatabaseSettings:
    """Where the empty database is."""
    return DatabaseSettings(postgres.host, postgres.port, database, "disable", "")


@pytest.fixture
def orders(settings: DatabaseSettings, secrets: MemorySecrets, postgres: PostgresServer) -> Iterator[Orders]:
    """A migrated database, without the events of its seed rows."""
    migrate(migrate_settings(settings), secrets, migrations.folder)  # type: ignore[arg-type]
    master = psycopg2.connect(postgres.dsn(settings.name))
    master.autocommit = True
    with master.cursor() as cursor:
        cursor.execute("truncate outbox")
    yield Orders(settings, secrets, master)
    master.close()
