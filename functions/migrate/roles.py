"""The database's roles: made before the migrations (which grant), given their ways to log in after.

The writers own the functions that write, and cannot log in. Those in LOGIN_ROLES run these functions; they log in
with IAM tokens (members of rds_iam) or passwords. cdc has a password always, because a member of rds_iam can use none
and DMS needs one. On Aurora the right to replicate is membership of rds_replication; elsewhere it is an attribute of
the role.

The master user need not be a superuser: CREATEROLE is enough, with rds_superuser on Aurora.
"""

from __future__ import annotations

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extensions import encrypt_password

WRITERS = ("order_writer", "administration_writer", "maintenance_writer")
LOGIN_ROLES = ("app", "administrator", "maintenance", "operator")
ROLES = (*WRITERS, *LOGIN_ROLES, "cdc")

# Time limits. On the roles rather than in the connection's options, which RDS Proxy does not take.
_OF_A_CALL = {
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
    # Lambda freezes functions and forgets them without a word; nobody else would end their sessions.
    "idle_session_timeout": "15min",
}
LIMITS = {
    "app": _OF_A_CALL,
    "administrator": _OF_A_CALL,
    "maintenance": {**_OF_A_CALL, "statement_timeout": "60s"},
    "operator": _OF_A_CALL,
}


def ensure(connection: Connection) -> None:
    """Make the roles that are missing, without a way to log in; safe to repeat."""
    with connection, connection.cursor() as cursor:
        for role in ROLES:
            if not _exists(cursor, role):
                cursor.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
        for role, limits in LIMITS.items():
            for name, value in limits.items():
                statement = sql.SQL("alter role {} set {} = {}")
                cursor.execute(statement.format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value)))
        for role in WRITERS:
            # Only a member may give a function to a role, or replace one that it owns.
            cursor.execute(
                "select rolsuper or pg_has_role(rolname, %s, 'set') from pg_roles where rolname = current_user", (role,)
            )
            if cursor.fetchone() != (True,):
                statement = sql.SQL("grant {} to current_user with inherit true, set true")
                cursor.execute(statement.format(sql.Identifier(role)))


def let_in_with_password(connection: Connection, role: str, password: str) -> None:
    """Let the role log in with this password. Only its SCRAM verifier is sent, so no log has the password."""
    verifier = encrypt_password(password, role, connection, "scram-sha-256")
    with connection, connection.cursor() as cursor:
        _member(cursor, "rds_iam", role, wanted=False)
        cursor.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(role), sql.Literal(verifier)))


def let_in_with_token(connection: Connection, role: str) -> bool:
    """Let the role log in with IAM tokens; False where the server has none (no role rds_iam)."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("alter role {} login").format(sql.Identifier(role)))
        return _member(cursor, "rds_iam", role, wanted=True)


def let_replicate(connection: Connection, role: str) -> None:
    """Let the role make and read replication slots."""
    with connection, connection.cursor() as cursor:
        if not _member(cursor, "rds_replication", role, wanted=True):
            cursor.execute(sql.SQL("alter role {} replication").format(sql.Identifier(role)))


def _member(cursor: Cursor, group: str, role: str, *, wanted: bool) -> bool:
    """Make the role a member of the group or end that; False if there is no such group."""
    if not _exists(cursor, group):
        return False
    # Direct membership: a superuser would count as a member of everything.
    cursor.execute(
        "select exists (select from pg_auth_members where roleid = %s::regrole and member = %s::regrole)",
        (group, role),
    )
    if cursor.fetchone() != (wanted,):
        change = sql.SQL("grant {} to {}") if wanted else sql.SQL("revoke {} from {}")
        cursor.execute(change.format(sql.Identifier(group), sql.Identifier(role)))
    return True


def _exists(cursor: Cursor, role: str) -> bool:
    cursor.execute("select exists (select from pg_roles where rolname = %s)", (role,))
    return cursor.fetchone() == (True,)
