"""Migrations on a real server: applied once, in order, by one run at a time, and each role gets what it needs only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from functions.common.errors import DatabaseUnavailable
from functions.common.settings import DatabaseSettings
from functions.migrate import handler, migrations
from functions.migrate.errors import MigrationEdited, MigrationFailed, MigrationMissing
from functions.migrate.roles import LOGIN_ROLES
from tests.functions.migrated import MemorySecrets, Orders, migrate_settings
from twin.servers.postgres import PostgresServer

Run = Callable[[Path], dict[str, Any]]


@pytest.fixture
def run(settings: DatabaseSettings, secrets: MemorySecrets) -> Run:
    return lambda folder: handler.migrate(migrate_settings(settings), secrets, lambda: folder)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_a.sql").write_text("create table a (x integer); insert into a values (1), (100 % 7);")
    (tmp_path / "0002_b.sql").write_text("insert into a values (3);")
    return tmp_path


def _rows(postgres: PostgresServer, settings: DatabaseSettings, statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(postgres.dsn(settings.name))
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


def test_the_seed_is_there_and_the_next_ids_follow(orders: Orders) -> None:
    assert orders.rows("select id, name, price::text from product order by id") == [
        (1, "Computer", "1500.00"), (2, "Phone", "500.00"), (3, "TV", "1000.00")
    ]  # fmt: skip
    assert orders.rows("select id, name, email, version, total::text from client order by id") == [
        (1, "Bob", "bob@anemailprovider.com", 0, "0.00"),
        (2, "Alice", "alice@anemailprovider.com", 0, "0.00"),
        (3, "John", "john@anemailprovider.com", 0, "0.00"),
    ]
    assert orders.rows("insert into client (name, email) values ('Eve', 'eve@x') returning id") == [(4,)]
    assert orders.rows("insert into product (name, price) values ('Radio', 1) returning id") == [(4,)]


def test_no_captured_column_is_a_lob(orders: Orders) -> None:
    types = orders.rows("select data_type from information_schema.columns where table_name = 'outbox'")
    assert {kind for (kind,) in types} == {"uuid", "character varying", "bigint", "timestamp with time zone"}


@pytest.mark.parametrize(
    "statement",
    [
        "insert into product (name, price) values ('x', 'NaN')",
        "insert into product (name, price) values ('x', -1)",
        "insert into product (id, name, price) values (0, 'x', 1)",
        "insert into product (name, price) values (E'a\\nb', 1)",
        "insert into client (name, email) values (E'\\x01', 'a@b')",
        "insert into client (name, email) values ('x', 'a b@c')",
        "insert into client (name, email) values ('', 'a@b')",
        "update client set total = 'NaN'",
        "update client set version = -1",
    ],
)
def test_rows_out_of_bounds_are_refused(orders: Orders, statement: str) -> None:
    with pytest.raises(errors.CheckViolation):
        orders.rows(statement)


def test_migrations_are_applied_once_and_new_ones_on_top(
    run: Run, folder: Path, postgres: PostgresServer, settings: DatabaseSettings
) -> None:
    assert run(folder) == {"applied": ["0001_a.sql", "0002_b.sql"], "current": 2}
    assert run(folder) == {"applied": [], "current": 2}
    (folder / "0003_c.sql").write_text("insert into a values (4);")
    assert run(folder) == {"applied": ["0003_c.sql"], "current": 3}
    assert _rows(postgres, settings, "select x from a") == [(1,), (2,), (3,), (4,)]


def test_an_edited_or_renamed_migration_is_refused_and_changes_nothing(run: Run, folder: Path) -> None:
    run(folder)
    (folder / "0003_c.sql").write_text("create table c (x integer)")
    original = (folder / "0002_b.sql").read_text()
    (folder / "0002_b.sql").write_text(original + " ")
    with pytest.raises(MigrationEdited, match=r"0002_b\.sql"):
        run(folder)
    (folder / "0002_b.sql").unlink()
    (folder / "0002_renamed.sql").write_text(original)
    with pytest.raises(MigrationEdited, match=r"0002_renamed\.sql"):
        run(folder)
    (folder / "0002_renamed.sql").rename(folder / "0002_b.sql")
    assert run(folder)["applied"] == ["0003_c.sql"]


def test_an_older_package_is_refused(run: Run, folder: Path) -> None:
    run(folder)
    (folder / "0002_b.sql").unlink()
    with pytest.raises(MigrationMissing, match=r"0002_b\.sql"):
        run(folder)


def test_a_failing_migration_leaves_nothing_and_is_applied_once_mended(
    run: Run, folder: Path, postgres: PostgresServer, settings: DatabaseSettings
) -> None:
    (folder / "0003_c.sql").write_text("create table c (x integer); insert into c values (1); select 1 / 0;")
    with pytest.raises(MigrationFailed, match=r"0003_c\.sql.*division by zero"):
        run(folder)
    assert _rows(postgres, settings, "select to_regclass('c'), (select count(*) from a)") == [(None, 3)]
    (folder / "0003_c.sql").write_text("create table c (x integer)")
    assert run(folder)["applied"] == ["0003_c.sql"]


def test_concurrent_runs_apply_each_migration_once(
    run: Run, folder: Path, postgres: PostgresServer, settings: DatabaseSettings
) -> None:
    (folder / "0001_a.sql").write_text("create table a (x integer); select pg_sleep(0.2);")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, [folder] * 4))
    assert sorted(len(result["applied"]) for result in results) == [0, 0, 0, 2]
    assert _rows(postgres, settings, "select count(*) from a") == [(1,)]


def test_a_repeated_run_keeps_the_passwords(run: Run, orders: Orders) -> None:
    before = {name: dict(fields) for name, fields in orders.secrets.values.items()}
    run(migrations.folder())
    assert orders.secrets.values == before
    assert set(before["cdc"]) == {"username", "password", "host", "port"}
    for role in (*LOGIN_ROLES, "cdc"):
        orders.connect(role).close()


def test_a_secret_that_a_crash_left_ahead_of_the_role_is_taken_over(run: Run, orders: Orders) -> None:
    orders.secrets.values["cdc"]["password"] = "written before the crash".replace(" ", "")
    with pytest.raises(psycopg2.OperationalError):
        orders.connect("cdc")
    run(migrations.folder())
    orders.connect("cdc").close()


def test_an_unreachable_database_is_an_error_without_the_password(
    settings: DatabaseSettings, secrets: MemorySecrets
) -> None:
    secrets.values["master"]["password"] = "geheim"
    with pytest.raises(DatabaseUnavailable) as caught:
        handler.migrate(migrate_settings(settings), secrets, migrations.folder)  # type: ignore[arg-type]
    assert "geheim" not in repr(caught.value)


KEY = "'k', 'h', interval '1 hour'"
ADMINISTERING = [
    f"select * from register_client({KEY}, 'x', 'a@b')",
    f"select * from change_client({KEY}, 1, 'x', 'a@b', array[0]::bigint[])",
    f"select * from add_product({KEY}, 'x', 1)",
    f"select * from change_product({KEY}, 1, 'x', 1)",
]
ALLOWED = {
    "administrator": ADMINISTERING,
    "app": ["select * from place_order('k', 'h', interval '1 hour', 1, array[1], array[1])"],
    "operator": [
        "select take_heartbeat()",
        "select heartbeat_age(0)",
        "select * from pg_replication_slots",
        *[f"select * from {table}" for table in ("client", "orders", "order_line", "product", "outbox")],
    ],
    "cdc": [
        "select * from outbox",
        "create table cdc.awsdms_heartbeat (x integer); drop table cdc.awsdms_heartbeat",
        "select pg_create_logical_replication_slot('slot_of_test', 'test_decoding', true)",
    ],
}
# What neither of those who call the functions may do by themselves.
OF_THE_WRITERS = [
    *[f"select * from {table}" for table in ("product", "client", "orders", "order_line", "outbox",
                                             "idempotency_key", "schema_migration")],
    "insert into client (name, email) values ('x', 'a@b')", "update client set total = 0", "delete from outbox",
    "insert into product (name, price) values ('x', 1)", "update product set price = 0",
    "create table t (x integer)", "create temporary table t (x integer)", "create schema s",
    "truncate outbox", "drop table orders", "create role r",
    "set role order_writer", "set role administration_writer",
    "select nextval('client_id_seq')", "select nextval('product_id_seq')",
    f"select claim_key({KEY}, '{{}}')", "select record_client_event('x', null, now())",
    "select pg_create_logical_replication_slot('x', 'test_decoding', true)",
]  # fmt: skip
DENIED = {
    "operator": [
        *[text for text in OF_THE_WRITERS if not text.startswith("select * from")],
        *[f"select * from {table}" for table in ("idempotency_key", "heartbeat", "outbox_watermark")],
        "insert into heartbeat values (1)", "delete from heartbeat", "delete from orders",
    ],
    "app": [*OF_THE_WRITERS, *ADMINISTERING],
    "administrator": [
        *OF_THE_WRITERS, "select * from place_order('k', 'h', interval '1 hour', 1, array[1], array[1])",
    ],
    "cdc": [
        *[f"select * from {table}" for table in ("product", "client", "orders", "order_line", "idempotency_key")],
        "insert into outbox select * from outbox", "delete from outbox", "create table public.t (x integer)",
        "select * from place_order('k', 'h', interval '1 hour', 1, array[1], array[1])", "create role r",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), [(role, text) for role in ALLOWED for text in ALLOWED[role]])
def test_a_role_may_do_its_work(orders: Orders, role: str, statement: str) -> None:
    connection = orders.connect(role)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize(("role", "statement"), [(role, text) for role in DENIED for text in DENIED[role]])
def test_a_role_may_do_nothing_else(orders: Orders, role: str, statement: str) -> None:
    connection = orders.connect(role)
    with connection.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("role", "functions"),
    [("app", ["place_order"]), ("cdc", []), ("operator", ["heartbeat_age", "take_heartbeat"]),
     ("maintenance", ["note_outbox_watermark", "outbox_state", "prune_idempotency_keys", "prune_outbox"]),
     ("administrator", ["add_product", "change_client", "change_product", "register_client"])],
)  # fmt: skip
def test_a_role_may_call_its_functions_only(orders: Orders, role: str, functions: list[str]) -> None:
    assert orders.rows(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and has_function_privilege(%s, oid, 'execute') order by 1", (role,)
    ) == [(name,) for name in functions]  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "functions"),
    [("order_writer", ["heartbeat_age", "place_order", "take_heartbeat"]),
     ("administration_writer", ["add_product", "change_client", "change_product", "register_client"])],
)  # fmt: skip
def test_functions_that_are_called_run_with_a_bare_owner(orders: Orders, owner: str, functions: list[str]) -> None:
    assert orders.rows(
        "select p.proname, r.rolsuper, r.rolcanlogin, p.proconfig from pg_proc p join pg_roles r on r.oid = p.proowner"
        " where p.prosecdef and r.rolname = %s order by 1", (owner,)
    ) == [(name, False, False, ["search_path=pg_catalog, public, pg_temp"]) for name in functions]  # fmt: skip


# What the owners of the functions may not, so that a mistake in a function cannot do it either.
BEYOND_THE_WRITERS = {
    "order_writer": ["insert into client (name, email) values ('x', 'a@b')", "update product set price = 0",
                     "delete from orders", "update outbox set version = 0", "create table t (x integer)"],
    "administration_writer": [
        "update client set total = 0", "update client set order_count = 0", "update client set last_purchase = now()",
        "insert into client (name, email, total) values ('x', 'a@b', 1)", "delete from client", "delete from product",
        "update product set id = 9", "select * from orders", "select * from order_line", "select * from outbox",
        "delete from idempotency_key", "create table t (x integer)",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "statement"), [(role, text) for role in BEYOND_THE_WRITERS for text in BEYOND_THE_WRITERS[role]]
)
def test_owners_have_the_rights_of_their_functions_only(orders: Orders, owner: str, statement: str) -> None:
    orders.rows(f"set role {owner}")
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            orders.rows(statement)
    finally:
        orders.rows("reset role")


@pytest.mark.parametrize(("role", "statement"), [("app", "5s"), ("administrator", "5s"), ("maintenance", "1min")])
def test_roles_have_time_limits(orders: Orders, role: str, statement: str) -> None:
    connection = orders.connect(role)
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert cursor.fetchone() == (statement, "3s")
    connection.close()


@pytest.fixture(scope="module")
def aurora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server like Aurora: its master is no superuser, and rights to replicate or use tokens are roles."""
    server = PostgresServer(tmp_path_factory.mktemp("aurora"), settings={"fsync": "off", "log_statement": "all"})
    server.start()
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in (
            "create role rds_superuser", "create role rds_iam", "create role rds_replication",
            "create role master login createdb createrole password 'master'",
            "grant rds_superuser to master", "grant rds_iam, rds_replication to master with admin option",
            "create database orders owner master",
        ):  # fmt: skip
            cursor.execute(statement)
    connection.close()
    yield server
    server.remove()


def test_aurora_needs_no_superuser_and_its_log_has_no_password(aurora: PostgresServer) -> None:
    store = MemorySecrets()
    store.values["master"] = {"username": "master", "password": "master"}
    settings = DatabaseSettings(aurora.host, aurora.port, "orders", "disable", "")

    def membership() -> list[tuple[str, str]]:
        connection = psycopg2.connect(aurora.dsn("orders"))
        with connection.cursor() as cursor:
            cursor.execute(
                "select roleid::regrole::text, member::regrole::text from pg_auth_members"
                " where roleid::regrole::text like 'rds%%' and member::regrole::text = any (%s) order by 1, 2",
                ([*LOGIN_ROLES, "cdc"],),
            )
            found = cursor.fetchall()
        connection.close()
        return found

    # With IAM tokens first, then with a password, then back.
    tokens = [("rds_iam", role) for role in sorted(LOGIN_ROLES)]
    for auth, expected in (("iam", tokens), ("secret", []), ("iam", tokens)):
        handler.migrate(migrate_settings(settings, auth), store, migrations.folder)  # type: ignore[arg-type]
        assert membership() == [*expected, ("rds_replication", "cdc")]
    roles = (*LOGIN_ROLES, "cdc")
    passwords = [store.values[role]["password"] for role in roles]
    for role, password in zip(roles, passwords, strict=True):
        psycopg2.connect(aurora.dsn("orders", role, password)).close()
    log = (aurora.folder / "postgres.log").read_text()
    assert "alter role" in log
    assert not any(password in log for password in passwords)
