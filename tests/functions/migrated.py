"""A migrated database for tests, and secrets that live in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from functions.common.database import Database, SecretLogin
from functions.common.settings import DatabaseSettings
from functions.migrate.handler import MigrateSettings
from functions.migrate.roles import LOGIN_ROLES
from functions.place_order.store import PostgresOrders


class MemorySecrets:
    """Secrets Manager for tests: what `SecretStore` does, in a dict."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, str]] = {}

    def find(self, arn: str) -> dict[str, str] | None:
        return self.values.get(arn)

    def read(self, arn: str) -> dict[str, str]:
        return self.values[arn]

    def write(self, arn: str, fields: dict[str, str | int]) -> None:
        self.values[arn] = {name: str(value) for name, value in fields.items()}


@dataclass
class Orders:
    """A migrated database."""

    settings: DatabaseSettings
    secrets: MemorySecrets
    master: Connection

    def database(self, **options: Any) -> Database:
        """A `Database` logged in as app."""
        return self.database_as("app", **options)

    def database_as(self, role: str, **options: Any) -> Database:
        """A `Database` logged in as this role."""
        return Database(self.settings, SecretLogin(role, role, self.secrets), **options)

    def store(self, hours: int = 24) -> PostgresOrders:
        """A store of orders logged in as app."""
        return PostgresOrders(self.database(), hours)

    def connect(self, role: str) -> Connection:
        """A connection as this role, by the password in its secret, in autocommit mode."""
        connection = psycopg2.connect(
            host=self.settings.host, port=self.settings.port, dbname=self.settings.name, user=role,
            password=self.secrets.values[role]["password"],
        )  # fmt: skip
        connection.autocommit = True
        return connection

    def rows(self, statement: str, parameters: object = None) -> list[tuple[Any, ...]]:
        """Execute as master and give all rows, none for a statement without any."""
        with self.master.cursor() as cursor:
            cursor.execute(statement, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


def migrate_settings(settings: DatabaseSettings, auth: Literal["iam", "secret"] = "secret") -> MigrateSettings:
    """Settings of migrate with the secrets' names that the tests use: the roles' own."""
    return MigrateSettings(settings, "master", "cdc", {role: role for role in LOGIN_ROLES if auth == "secret"})
