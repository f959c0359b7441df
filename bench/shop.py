"""The write model as the benchmarks take it: migrated, with clients enough, and who may log in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import psycopg2

from functions.migrate import migrations, roles
from twin.servers.postgres import PostgresServer


@dataclass(frozen=True)
class Target:
    """A database, and as whom to log in."""

    host: str
    port: int
    name: str
    user: str
    password: str


def open_shop(server: PostgresServer, database: str, clients: int) -> tuple[Target, Target]:
    """Migrate a database, register clients 1 to `clients`; gives it for the role app and for its master."""
    password = secrets.token_hex(16)
    connection = psycopg2.connect(server.dsn(database))
    roles.ensure(connection)
    migrations.apply(connection, migrations.read(migrations.folder()))
    roles.let_in_with_password(connection, "app", password)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into client (id, name, email) overriding system value"
            " select n, 'Client ' || n, 'client' || n || '@shop.example' from generate_series(1, %s) as n"
            " on conflict do nothing",
            (clients,),
        )
    connection.close()
    return (
        Target(server.host, server.port, database, "app", password),
        Target(server.host, server.port, database, server.superuser, server.superuser_password),
    )
