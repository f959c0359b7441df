"""Servers that the tests share: started once a session, on free loopback ports, gone at its end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg2
import pytest
import redis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from twin.servers.postgres import PostgresServer
from twin.servers.valkey import ValkeyServer

# How long an example or its making takes says how busy the machine is, nothing else.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those of a folder that need the running system: it starts once.

    These come first, as they take the longest (pytest-xdist, `--dist loadgroup`).
    """
    for item in items:
        running = "system" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group(str(item.path.parent if running else item.path)))
    items.sort(key=lambda item: "system" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    # Not fsync'ed: what a crash of the machine would do to it is not under test.
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), settings={"fsync": "off"})
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """Name of a new and empty database on `postgres`, dropped afterwards (with its slots)."""
    name = f"test_{secrets.token_hex(6)}"
    _execute(postgres, f"create database {name}")
    yield name
    if not postgres.process.running:
        postgres.start()
    _execute(
        postgres,
        "select pg_terminate_backend(active_pid) from pg_replication_slots "
        f"where database = '{name}' and active_pid is not null",
    )
    _execute(
        postgres,
        f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = '{name}'",
    )
    _execute(postgres, f"drop database {name} with (force)")


def _execute(postgres: PostgresServer, statement: str) -> None:
    connection = psycopg2.connect(postgres.dsn())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A running Valkey server."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.remove()


@pytest.fixture
def cache(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    """A client of `valkey`, which is empty before and after."""
    if not valkey.process.running:
        valkey.start()
    with valkey.client() as client:
        client.flushall()
        yield client
        client.flushall()
