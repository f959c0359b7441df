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

Bounds
------
`DatabaseSettings.answer_s` is for everything together: logins, repetitions, waiting. Within it a new connection has
3 s, and a server that does not acknowledge bytes for 3 s counts as gone (tcp_user_timeout). The connection is
asynchronous (psycopg2's own word) so that each wait ends in time: a server that accepts everything and answers
nothing is not noticed by TCP, and no time limit of the server's own helps against a server that hangs. When the time
is up the connection is closed, because an answer may still come over it. The server ends what it was doing by the
limits set on the role (statement_timeout, lock_timeout).
"""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 names its class in lower case

from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.common.logins import Login, SecretLogin, login
from functions.common.settings import DatabaseSettings
from functions.common.telemetry import logger

__all__ = ["Database", "Login", "SecretLogin", "dial", "login"]

CONNECT_SECONDS = 3
ATTEMPTS = 4
ROLLED_BACK = frozenset({"40001", "40P01"})
OUT_OF_TIME = frozenset({"57014", "55P03"})
# The server ends the session, or (25006) it was the writer before a failover and now only reads.
SESSION_LOST = frozenset({"25006", "57P01", "57P02", "57P03", "57P05"})


class _TimeIsUp(Exception):  # noqa: N818
    """The server did not answer before the deadline."""


class Database:
    """A connection in autocommit mode that outlives requests."""

    def __init__(
        self,
        settings: DatabaseSettings,
        login: Login,
        *,
        connect: Callable[..., Connection] = psycopg2.connect,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._login = login
        self._connect = connect
        self._sleep = sleep
        self._clock = clock
        self._connection: Connection | None = None

    def repeatable(self, statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
        """Execute a statement that returns one row and may be executed twice (see above); give the row.

        Raises DatabaseUnavailable if there is no connection or no answer in time, DatabaseError for whatever else
        the server refuses, SecretUnreadable if there is no password to log in with.
        """
        deadline = self._clock() + self._settings.answer_s
        replaced = False
        for attempt in range(1, ATTEMPTS + 1):
            connection = self._open(deadline)
            try:
                row = self._row(connection, statement, parameters, deadline)
            except _TimeIsUp:
                self.close()
                raise DatabaseUnavailable("The database did not answer in time.") from None
            except psycopg2.Error as error:
                failure = self._failure(error, connection)
                again = failure.sqlstate in ROLLED_BACK or (self._connection is None and not replaced)
                nap = random.uniform(0.005, 0.02) * attempt  # noqa: S311 - not a secret
                if not again or attempt == ATTEMPTS or self._clock() + nap >= deadline:
                    # "from None": the driver's text carries DETAIL and CONTEXT lines, in which rows are quoted.
                    raise failure from None
                replaced = replaced or self._connection is None
                logger.warning("statement repeated", sqlstate=failure.sqlstate, attempt=attempt)
                if self._connection is not None:
                    # Apart from each other, so that two transactions do not meet again.
                    self._sleep(nap)
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

    def _row(
        self, connection: Connection, statement: str, parameters: Sequence[Any], deadline: float
    ) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            self._wait(connection, deadline)
            return cursor.fetchone()

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

    def _open(self, deadline: float) -> Connection:
        if self._connection is not None:
            return self._connection
        try:
            connection = self._dial(deadline)
        except (psycopg2.Error, _TimeIsUp) as error:
            # libpq reports a failed login without an SQLSTATE, so any failure may be one.
            if isinstance(error, _TimeIsUp) or not self._login.changed(deadline - self._clock()):
                raise _unreachable(error) from None
            logger.warning("database password changed, logging in again")
            try:
                connection = self._dial(deadline)
            except (psycopg2.Error, _TimeIsUp) as second:
                raise _unreachable(second) from None
        self._connection = connection
        return connection

    def _dial(self, deadline: float) -> Connection:
        password = self._login.password()
        deadline = min(deadline, self._clock() + CONNECT_SECONDS)
        # An asynchronous connection is always in autocommit mode.
        parameters = connection_parameters(self._settings, self._login.user, password)
        connection = self._connect(**parameters, async_=True)
        try:
            self._wait(connection, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    def _wait(self, connection: Connection, deadline: float) -> None:
        """Until the connection has done what it is doing; raises _TimeIsUp, or what psycopg2 makes of the answer."""
        while (state := connection.poll()) != POLL_OK:
            poll = select.poll()
            # Asked for each time: while connecting, libpq may go from one address to the next.
            poll.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
            left = deadline - self._clock()
            if left <= 0 or not poll.poll(left * 1000):
                raise _TimeIsUp


def connection_parameters(settings: DatabaseSettings, user: str, password: str) -> dict[str, Any]:
    """What libpq is told.

    Only parameters that RDS Proxy takes as well: `options` is not one, so time limits are set on the role.
    """
    certificate = {"sslrootcert": settings.sslrootcert} if settings.sslrootcert else {}
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "user": user,
        "password": password,
        "sslmode": settings.sslmode,
        **certificate,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "orders",
        "client_encoding": "UTF8",
        "keepalives": 1,
        "keepalives_idle": 3,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": CONNECT_SECONDS * 1000,
    }


def dial(settings: DatabaseSettings, user: str, password: str) -> Connection:
    """Open an ordinary connection, for work of many statements; raises psycopg2.OperationalError."""
    connection: Connection = psycopg2.connect(**connection_parameters(settings, user, password))
    return connection


def _unreachable(error: Exception) -> DatabaseUnavailable:
    if isinstance(error, _TimeIsUp):
        return DatabaseUnavailable("The database could not be reached: no connection in time.")
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DatabaseUnavailable(f"The database could not be reached: {reason}")
