"""Brings the database to the version that this package describes: roles, migrations, ways to log in.

Invoked by the deployment with ``{"migrations": "<digest of the folder>"}``, which only makes it run again when a file
changes. Answers ``{"applied": [names], "current": number}``. Any failure is raised, so that the deployment stops.
Safe to run again and concurrently.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg2

from functions.common.database import dial
from functions.common.errors import DatabaseUnavailable
from functions.common.secret_store import SecretStore, field
from functions.common.settings import DatabaseSettings, Environment
from functions.common.telemetry import logger
from functions.migrate import migrations, roles
from functions.migrate.credentials import keep_password


@dataclass(frozen=True)
class MigrateSettings:
    """The database, and the secrets of its master, of cdc, and of app (empty: app logs in with IAM tokens)."""

    database: DatabaseSettings
    master_secret_arn: str
    cdc_secret_arn: str
    app_secret_arn: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read DATABASE_*, MASTER_SECRET_ARN, CDC_SECRET_ARN and APP_SECRET_ARN (optional)."""
        return cls(
            database=DatabaseSettings.read(environment),
            master_secret_arn=environment.text("MASTER_SECRET_ARN"),
            cdc_secret_arn=environment.text("CDC_SECRET_ARN"),
            app_secret_arn=environment.text("APP_SECRET_ARN", ""),
        )


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    logger.info("migrating")
    result = migrate(MigrateSettings.read(Environment()), SecretStore(), migrations.folder)
    logger.info("migrated", applied=result["applied"], current=result["current"])
    return result


def migrate(settings: MigrateSettings, store: SecretStore, folder: Callable[[], Path]) -> dict[str, Any]:
    """Do all of it; gives what was applied and the number of the last migration.

    Raises MigrationError, SecretUnreadable, DatabaseUnavailable.
    """
    files = migrations.read(folder())
    master = store.read(settings.master_secret_arn)
    user = field(master, "username", settings.master_secret_arn)
    password = field(master, "password", settings.master_secret_arn)
    try:
        connection = dial(settings.database, user, password)
    except psycopg2.OperationalError as error:
        raise DatabaseUnavailable(f"The database could not be reached: {error}") from error
    with closing(connection), migrations.exclusive(connection):
        roles.ensure(connection)
        applied = migrations.apply(connection, files)
        address: dict[str, str | int] = {"host": settings.database.host, "port": settings.database.port}
        cdc_password = keep_password(store, settings.cdc_secret_arn, "cdc", address)
        roles.let_in_with_password(connection, "cdc", cdc_password)
        roles.let_replicate(connection, "cdc")
        if settings.app_secret_arn:
            app_password = keep_password(store, settings.app_secret_arn, "app")
            roles.let_in_with_password(connection, "app", app_password)
        elif not roles.let_in_with_token(connection, "app"):
            logger.warning("this server knows no IAM tokens: role app has no way to log in")
    return {"applied": applied, "current": len(files)}
