"""Brings the database to the version that this package describes: roles, migrations, ways to log in.

Invoked by the deployment with ``{"migrations": "<digest of the folder>"}``, which only makes it run again when a file
changes. Answers ``{"applied": [names], "current": number}``. Any failure is raised, so that the deployment stops.
Safe to run again and concurrently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from functions.common.database import dial
from functions.common.errors import DatabaseUnavailable, SettingsError
from functions.common.secret_store import SecretStore, field
from functions.common.settings import DatabaseSettings, Environment
from functions.common.telemetry import logger
from functions.migrate import migrations, roles
from functions.migrate.credentials import keep_password


@dataclass(frozen=True)
class MigrateSettings:
    """The database, and the secrets of its master, of cdc, and of each role in LOGIN_ROLES.

    `login_secret_arns` by role; empty if these roles log in with IAM tokens.
    """

    database: DatabaseSettings
    master_secret_arn: str
    cdc_secret_arn: str
    login_secret_arns: Mapping[str, str]

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read DATABASE_*, MASTER_SECRET_ARN, CDC_SECRET_ARN and LOGIN_SECRETS (optional: a JSON object of ARNs)."""
        return cls(
            database=DatabaseSettings.read(environment),
            master_secret_arn=environment.text("MASTER_SECRET_ARN"),
            cdc_secret_arn=environment.text("CDC_SECRET_ARN"),
            login_secret_arns=_login_secrets(environment.text("LOGIN_SECRETS", "{}")),
        )


def _login_secrets(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if (
        not isinstance(found, dict)
        or (found and set(found) != set(roles.LOGIN_ROLES))
        or not all(isinstance(arn, str) for arn in found.values())
    ):
        raise SettingsError(
            f"Environment variable LOGIN_SECRETS must be a JSON object with an ARN for each of {roles.LOGIN_ROLES}."
        )
    return found


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
        for role in roles.LOGIN_ROLES:
            _let_in(connection, store, role, settings.login_secret_arns.get(role))
    return {"applied": applied, "current": len(files)}


def _let_in(connection: Connection, store: SecretStore, role: str, secret_arn: str | None) -> None:
    """Let the role log in with the password in its secret, or with IAM tokens if it has no secret."""
    if secret_arn is not None:
        roles.let_in_with_password(connection, role, keep_password(store, secret_arn, role))
    elif not roles.let_in_with_token(connection, role):
        logger.warning("this server knows no IAM tokens: the role has no way to log in", role=role)
