"""Each login of the database tries everything on everything: what is not in these tables is refused."""

from __future__ import annotations

from contextlib import suppress

import psycopg2
import pytest
from psycopg2 import errors

from functions.migrate.roles import LOGIN_ROLES
from tests.functions.migrated import Orders

LOGINS = (*LOGIN_ROLES, "cdc")
VERBS = {
    "select": "select from {0}",
    "insert": "insert into {0} default values",
    "update": "update {0} set {1} = {1}",
    "delete": "delete from {0}",
    "truncate": "truncate {0}",
    "lock": "begin; lock table {0} in access exclusive mode; rollback",
    "alter": "alter table {0} add column added integer",
    "drop": "drop table {0}",
    "index": "create index on {0} ({1})",
    "trigger": "create trigger t after insert on {0} execute function suppress_redundant_updates_trigger()",
    "owner": "alter table {0} owner to current_user",
    "copy out": "copy {0} to stdout",
    "copy in": "copy {0} from stdin",
    "policy": "alter table {0} disable row level security",
}
# A view takes none of it from anybody.
OF_NO_VIEW = (errors.ObjectNotInPrerequisiteState, errors.WrongObjectType, errors.FeatureNotSupported)
READS = frozenset({"select", "copy out"})
# All that a login may do to a table or view.
MAY: dict[tuple[str, str], frozenset[str]] = {
    ("cdc", "outbox"): READS,
    **{("operator", table): READS for table in ("client", "orders", "order_line", "product", "outbox")},
}


def tried(orders: Orders, role: str, statement: str) -> bool:
    """Whether the statement is allowed; that it fails for another reason means that it was."""
    connection = orders.connect(role)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    # What psycopg2 cannot do over this way (COPY) has passed the server's check of rights.
    except psycopg2.Error:
        return True
    finally:
        connection.close()
    return True


@pytest.mark.parametrize("role", LOGINS)
def test_a_login_does_to_tables_what_it_is_for_and_nothing_else(orders: Orders, role: str) -> None:
    tables = orders.rows(
        "select c.relname, (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
        " order by a.attnum desc limit 1)"
        " from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p', 'm', 'f')"
    )
    assert len(tables) >= 9
    connection = orders.connect(role)
    done = set()
    rights = "select relname, relacl::text from pg_class where relnamespace = 'public'::regnamespace order by 1"
    before = orders.rows(rights)
    for table, column in tables:
        # By the catalogue, whatever column it is about ...
        kinds = "select, insert, update, references"
        [(by_columns,)] = orders.rows("select has_any_column_privilege(%s, %s, %s)", (role, f"public.{table}", kinds))
        assert by_columns == ((role, table) in MAY), (role, table)
        # ... and by trying.
        for verb, statement in VERBS.items():
            with connection.cursor() as cursor:
                try:
                    cursor.execute(statement.format(f"public.{table}", column))
                except (errors.InsufficientPrivilege, *OF_NO_VIEW):
                    cursor.execute("rollback")
                    continue
                except psycopg2.ProgrammingError:
                    # COPY has passed the check of rights when psycopg2 finds that it has nowhere to go.
                    if not verb.startswith("copy"):
                        raise
            done.add((table, verb))
        # A grant of nothing is a warning only.
        with connection.cursor() as cursor:
            for right in ("select", "insert, update, delete", "all"):
                with suppress(errors.InsufficientPrivilege):
                    cursor.execute(f"grant {right} on public.{table} to public")
    assert orders.rows(rights) == before
    connection.close()
    assert done == {(table, verb) for (login, table), verbs in MAY.items() if login == role for verb in verbs}


def test_no_login_counts_a_sequence(orders: Orders) -> None:
    found = orders.rows(
        "select r, sequencename from pg_sequences, unnest(%s) as r where schemaname = 'public'"
        " and has_sequence_privilege(r, format('public.%%I', sequencename), 'usage, select, update')",
        (list(LOGINS),),
    )
    assert found == []
    assert orders.rows("select count(*) from pg_sequences where schemaname = 'public'") != [(0,)]


BEYOND = [
    # other roles
    *[f"set role {role}" for role in ("order_writer", "administration_writer", "maintenance_writer", "postgres")],
    "set session authorization postgres", "alter role current_user superuser", "alter role current_user createrole",
    "alter role current_user bypassrls", "create role r", "drop role app", "grant order_writer to current_user",
    "grant pg_read_server_files to current_user", "alter role postgres password 'x'", "reassign owned by app to cdc",
    # files and programs of the server
    "select pg_read_file('postgresql.conf')", "select pg_read_binary_file('postgresql.conf')",
    "select pg_ls_dir('.')", "select pg_stat_file('postgresql.conf')", "select lo_import('/etc/passwd')",
    "select lo_export(0, '/tmp/x')", "copy (select 1) to program 'id'", "copy (select 1) to '/tmp/x'",
    "select pg_current_logfile()", "load 'plpython3'", "select pg_ls_logdir()", "select pg_ls_waldir()",
    "select * from pg_hba_file_rules", "select * from pg_file_settings",
    # secrets, and what others do
    "select * from pg_authid", "select * from pg_shadow", "select * from pg_user_mapping",
    "select * from pg_statistic", "select * from pg_subscription",
    "select * from pg_stat_get_wal_senders() where false",
    # the server itself
    "alter system set work_mem = '1GB'", "select pg_reload_conf()", "select pg_rotate_logfile()", "checkpoint",
    "select pg_switch_wal()", "select pg_stat_reset()", "select pg_promote()", "select pg_create_restore_point('x')",
    "set session_replication_role = replica", "set log_statement = none",
    "select set_config('log_statement', 'none', false)",
    # other sessions
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
    "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'postgres'",
    # new objects
    "create database d", "create schema s", "create extension dblink", "create extension postgres_fdw",
    "create language plpython3u", "create temporary table t (x integer)", "create table public.t (x integer)",
    "create view public.v as select 1", "create publication p for all tables",
    "create event trigger t on ddl_command_end execute function suppress_redundant_updates_trigger()",
    "create tablespace t location '/tmp'", "create foreign data wrapper w", "create server s foreign data wrapper w",
    "drop schema public cascade", "drop database postgres",
    "create function public.client() returns integer language sql as 'select 1'",
    "create cast (integer as bigint)" " without function", "alter function public.place_order security invoker",
    "drop function public.place_order", "alter database postgres set work_mem = '1GB'",
    "comment on database postgres is 'x'",
]  # fmt: skip
REPLICATION = [
    "select pg_create_logical_replication_slot('s', 'test_decoding')",
    "select pg_create_physical_replication_slot('s')", "select pg_drop_replication_slot('s')",
    "select pg_logical_slot_get_changes('s', null, null)", "select pg_replication_slot_advance('s', '0/1')",
    "select pg_logical_slot_peek_changes('s', null, null)",
]  # fmt: skip
# What each operation needs, if the server has not even that: the attempt is refused all the same.
ABSENT = (errors.UndefinedObject, errors.FeatureNotSupported, errors.UndefinedFile, errors.InvalidSchemaName)


@pytest.mark.parametrize("role", LOGINS)
def test_a_login_gets_nowhere_beyond_its_tables(orders: Orders, role: str) -> None:
    allowed = []
    connection = orders.connect(role)
    for statement in (*BEYOND, *(() if role == "cdc" else REPLICATION)):
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except errors.InsufficientPrivilege:
                continue
            except ABSENT:
                # Only for what app cannot see at all: no schema, no function, no object of that name.
                continue
            except psycopg2.Error as error:
                allowed.append(f"{statement}: {error}")
                continue
        # No row was found to do it to.
        if cursor.rowcount > 0 or "pg_" not in statement or not statement.startswith("select"):
            allowed.append(statement)
    connection.close()
    assert allowed == []


# What PostgreSQL lets any login do, and nobody can take from it on Aurora: none of it reaches a row of ours.
ANYBODY = [
    "select lo_create(0)", "select pg_advisory_lock(1)", "set statement_timeout = 0", "do $$ begin perform 1; end $$",
    "notify x", "select pg_logical_emit_message(true, 'a', 'b')", "alter role current_user set work_mem = '64kB'",
]  # fmt: skip


def test_what_anybody_may_is_known(orders: Orders) -> None:
    refused = [(role, statement) for role in LOGINS for statement in ANYBODY if not tried(orders, role, statement)]
    assert refused == []


def test_queries_of_others_are_hidden(orders: Orders) -> None:
    for role in LOGINS:
        connection = orders.connect(role)
        with connection.cursor() as cursor:
            cursor.execute("select distinct query from pg_stat_activity where usename = 'postgres' and query <> ''")
            assert cursor.fetchall() in ([], [("<insufficient privilege>",)]), role
        connection.close()


@pytest.mark.parametrize("role", LOGINS)
def test_no_login_takes_the_place_of_a_function_that_runs_with_more_rights(orders: Orders, role: str) -> None:
    """A function with its owner's rights looks names up where only its owner may create something."""
    connection = orders.connect(role)
    with connection.cursor() as cursor:
        for path in ("pg_temp", "cdc", "public"):
            cursor.execute(f"set search_path = {path}, pg_catalog")
            for statement in ("create table client (id bigint)", "create function now() returns text language sql as"
                              " 'select 1::text'", "create operator + (leftarg = bigint, rightarg = bigint,"
                              " function = int8mi)"):  # fmt: skip
                # cdc may create in its own schema, in which no function looks.
                if not (role == "cdc" and path == "cdc"):
                    with pytest.raises((errors.InsufficientPrivilege, errors.SyntaxError)):
                        cursor.execute(statement)
    connection.close()
    for name, config in orders.rows("select proname, proconfig from pg_proc where prosecdef and pronamespace ="
                                    " 'public'::regnamespace"):  # fmt: skip
        assert "search_path=pg_catalog, public, pg_temp" in config, name
