"""One PostgreSQL connection for each warm function, opened when first needed and replaced when dead.

When a call may be repeated
---------------------------
A connection that breaks while a statement is under way leaves open whether the server carried it out. `Database`
repeats such a statement once, over a new connection, and for that it takes only statements that have the same effect
once or twice: `place_order` is one, because its idempotency key (the caller's, or one made for this request) turns
the second execution into a look-up of the first's answer. That also holds if the first is still running (the second
waits for its lock) or begins only after the second (it then finds the second's record).

Serialization failures and deadlocks (40001, 40P01) are repeated too: the server has rolled those back. A
statement that ran out of time (57014, 55P03) is not: it was rolled back as well, but the time is spent.

Bounds: 3 s to connect, statement_timeout and lock_timeout as set on the role, 3 s until unacknowledged bytes
(tcp_user_timeout) and about 5 s until a silent server count as a dead connection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 names its class in lower case

from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.common.secret_store import SecretStore, field
from functions.common.settings import DatabaseSettings, LoginSettings
from functions.common.signing import database_token
from functions.common.telemetry import logger

CONNECT_SECONDS = 3
ATTEMPTS = 4
ROLLED_BACK = frozenset({"40001", "40P01"})
OUT_OF_TIME = frozenset({"57014", "55P03"})
# The server ends the session, or (25006) it was the writer before a failover and now only reads.
SESSION_LOST = frozenset({"25006", "57P01", "57P02", "57P03", "57P05"})


class Login(Protocol):
    """Says as whom to log in."""

    user: str

    def password(self) -> str:
        """What to log in with now."""
        ...

    def changed(self) -> bool:
        """After a refused login: look for a new password; True if there is one, so that another try makes sense."""
        ...


class IamLogin:
    """Logs in with a token made for each connection, so that it never expires before its use."""

    def __init__(self, user: str, host: str, port: int) -> None:
        self.user = user
        self._host = host
        self._port = port

    def password(self) -> str:
        """A fresh token."""
        return database_token(self._host, self._port, self.user)

    def changed(self) -> bool:
        """Never: the token was new."""
        return False


class SecretLogin:
    """Logs in with the password of a secret, read once and again after a refused login."""

    def __init__(self, user: str, arn: str, secrets: SecretStore) -> None:
        self.user = user
        self._arn = arn
        self._secrets = secrets
        self._password = ""
        self._fresh = False

    def password(self) -> str:
        """The password as last read. Raises SecretUnreadable."""
        self._fresh = not self._password
        if self._fresh:
            self._password = field(self._secrets.read(self._arn), "password", self._arn)
        return self._password

    def changed(self) -> bool:
        """Read the secret again, unless the refused password came straight from it. Raises SecretUnreadable."""
        if self._fresh:
            return False
        known = self._password
        self._password = field(self._secrets.read(self._arn), "password", self._arn)
        return self._password != known


def login(settings: LoginSettings, database: DatabaseSettings, secrets: SecretStore) -> Login:
    """The way to log in that the settings name."""
    if settings.auth == "iam":
        return IamLogin(settings.user, database.host, database.port)
    return SecretLogin(settings.user, settings.secret_arn, secrets)


class Database:
    """A connection in autocommit mode that outlives requests."""

    def __init__(
        self,
        settings: DatabaseSettings,
        login: Login,
        *,
        connect: Callable[..., Connection] = psycopg2.connect,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._login = login
        self._connect = connect
        self._sleep = sleep
        self._connection: Connection | None = None

    def repeatable(self, statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
        """Execute a statement that returns one row and may be executed twice (see above); give the row.

        Raises DatabaseUnavailable if there is no connection or no answer in time, DatabaseError for whatever else
        the server refuses.
        """
        replaced = False
        for attempt in range(1, ATTEMPTS + 1):
            connection = self._open()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement, parameters)
                    row: tuple[Any, ...] | None = cursor.fetchone()
            except psycopg2.Error as error:
                failure = self._failure(error, connection)
                again = attempt < ATTEMPTS and (
                    failure.sqlstate in ROLLED_BACK or (self._connection is None and not replaced)
                )
                if not again:
                    # "from None": the driver's text carries DETAIL and CONTEXT lines, in which rows are quoted.
                    raise failure from None
                replaced = replaced or self._connection is None
                logger.warning("statement repeated", sqlstate=failure.sqlstate, attempt=attempt)
                if self._connection is not None:
                    # Apart from each other, so that two transactions do not meet again.
                    self._sleep(random.uniform(0.005, 0.02) * attempt)  # noqa: S311 - not a secret
            else:
                if row is None:
                    raise DatabaseError("The statement returned no row.")
                return row
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close the connection; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _failure(self, error: psycopg2.Error, connection: Connection) -> DatabaseError:
        """The error in this program's terms; a connection that is of no more use is dropped."""
        code = error.pgcode or ""
        detail = error.diag.message_detail or ""
        if connection.closed or code in SESSION_LOST or code.startswith("08"):
            self.close()
            return DatabaseUnavailable(f"The connection to the database was lost ({code or 'no answer'}).", code)
        if code in OUT_OF_TIME:
            return DatabaseUnavailable(f"The database did not answer in time ({code}).", code)
        if code in ROLLED_BACK or code.startswith("53"):
            return DatabaseUnavailable(f"The database is too busy ({code}).", code)
        primary = error.diag.message_primary or type(error).__name__
        return DatabaseError(f"The database refused a statement: {primary} ({code}).", code, detail)

    def _open(self) -> Connection:
        if self._connection is not None:
            return self._connection
        try:
            connection = self._dial()
        except psycopg2.Error as error:
            # libpq reports a failed login without an SQLSTATE, so any failure may be one.
            if not self._login.changed():
                raise _unreachable(error) from None
            logger.warning("database password changed, logging in again")
            try:
                connection = self._dial()
            except psycopg2.Error as second:
                raise _unreachable(second) from None
        connection.autocommit = True
        self._connection = connection
        return connection

    def _dial(self) -> Connection:
        return dial(self._settings, self._login.user, self._login.password(), connect=self._connect)


def dial(
    settings: DatabaseSettings,
    user: str,
    password: str,
    *,
    connect: Callable[..., Connection] = psycopg2.connect,
) -> Connection:
    """Open a connection; raises psycopg2.OperationalError.

    Only parameters that RDS Proxy takes as well: `options` is not one, so time limits are set on the role.
    """
    certificate = {"sslrootcert": settings.sslrootcert} if settings.sslrootcert else {}
    return connect(
        host=settings.host,
        port=settings.port,
        dbname=settings.name,
        user=user,
        password=password,
        sslmode=settings.sslmode,
        **certificate,
        connect_timeout=CONNECT_SECONDS,
        application_name="orders",
        client_encoding="UTF8",
        keepalives=1,
        keepalives_idle=3,
        keepalives_interval=1,
        keepalives_count=2,
        tcp_user_timeout=3000,
    )


def _unreachable(error: psycopg2.Error) -> DatabaseUnavailable:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DatabaseUnavailable(f"The database could not be reached: {reason}")
