"""The connection to PostgreSQL over fakes: what is repeated, how often, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import POLL_OK

from functions.common.database import ATTEMPTS, Database, SecretLogin
from functions.common.errors import DatabaseError, DatabaseUnavailable
from functions.common.logins import REREAD_S
from functions.common.settings import DatabaseSettings

SETTINGS = DatabaseSettings("db", 5432, "orders", "require", "")
ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:app"


class Failure(psycopg2.OperationalError):
    """An error with an SQLSTATE, as the server sends it; "" breaks the connection."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def pgcode(self) -> str | None:  # type: ignore[override]
        return self.code or None


class FakeServer:
    """Gives out connections; each statement takes the next of `outcomes`, None for success."""

    def __init__(self, *outcomes: Exception | None, passwords: Sequence[str] = ()) -> None:
        self.outcomes = list(outcomes)
        self.passwords = list(passwords)
        self.connects: list[dict[str, Any]] = []
        self.statements = 0
        self.refuse = False

    def connect(self, **parameters: Any) -> Any:
        assert parameters["async_"] is True
        self.connects.append(parameters)
        if self.refuse or (self.passwords and parameters["password"] not in self.passwords):
            raise psycopg2.OperationalError('FATAL:  password authentication failed for user "app"\n')
        return FakeConnection(self)


class FakeConnection:
    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.closed = 0

    def poll(self) -> int:
        return POLL_OK

    def cursor(self) -> FakeConnection:
        return self

    def __enter__(self) -> FakeConnection:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, statement: str, parameters: Sequence[Any]) -> None:
        assert not self.closed
        self._server.statements += 1
        outcome = self._server.outcomes.pop(0) if self._server.outcomes else None
        if outcome is not None:
            if isinstance(outcome, Failure) and not outcome.code:
                self.closed = 2
            raise outcome

    def fetchone(self) -> tuple[int]:
        return (1,)

    def close(self) -> None:
        self.closed = 1


class FakeSecrets:
    """Gives the values in turn, the last one from then on."""

    def __init__(self, *passwords: str) -> None:
        self.reads = 0
        self._passwords = passwords

    def read(self, arn: str) -> dict[str, str]:
        self.reads += 1
        return {"username": "app", "password": self._passwords[min(self.reads, len(self._passwords)) - 1]}


def _database(server: FakeServer, secrets: FakeSecrets | None = None, naps: list[float] | None = None) -> Database:
    login = SecretLogin("app", ARN, secrets or FakeSecrets("p"))
    slept = [] if naps is None else naps
    return Database(SETTINGS, login, connect=server.connect, sleep=slept.append)


def test_one_connection_and_one_statement_serve_each_request() -> None:
    server = FakeServer()
    database = _database(server)
    for _ in range(3):
        assert database.repeatable("select", ()) == (1,)
    assert (len(server.connects), server.statements) == (1, 3)


@pytest.mark.parametrize("code", ["", "57P01", "57P02", "08006", "25006"])
def test_a_lost_connection_is_replaced_once(code: str) -> None:
    server = FakeServer(Failure(code))
    assert _database(server).repeatable("select", ()) == (1,)
    assert (len(server.connects), server.statements) == (2, 2)


def test_a_connection_lost_twice_is_unavailable_and_the_next_request_connects_again() -> None:
    server = FakeServer(Failure(""), Failure(""))
    database = _database(server)
    with pytest.raises(DatabaseUnavailable):
        database.repeatable("select", ())
    assert (len(server.connects), server.statements) == (2, 2)
    assert database.repeatable("select", ()) == (1,)
    assert len(server.connects) == 3


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_what_the_server_rolled_back_is_repeated_within_bounds(code: str) -> None:
    naps: list[float] = []
    server = FakeServer(*[Failure(code)] * (ATTEMPTS - 1))
    assert _database(server, naps=naps).repeatable("select", ()) == (1,)
    assert (len(server.connects), server.statements, len(naps)) == (1, ATTEMPTS, ATTEMPTS - 1)
    assert sum(naps) < 0.2

    endless = FakeServer(*[Failure(code)] * 99)
    with pytest.raises(DatabaseUnavailable):
        _database(endless).repeatable("select", ())
    assert endless.statements == ATTEMPTS


@pytest.mark.parametrize("code", ["57014", "55P03"])
def test_a_statement_out_of_time_is_not_repeated(code: str) -> None:
    server = FakeServer(Failure(code))
    with pytest.raises(DatabaseUnavailable):
        _database(server).repeatable("select", ())
    assert server.statements == 1


def test_any_other_error_comes_through_once_with_its_code() -> None:
    server = FakeServer(Failure("OR001"))
    with pytest.raises(DatabaseError) as caught:
        _database(server).repeatable("select", ())
    assert (caught.value.sqlstate, server.statements) == ("OR001", 1)
    assert not isinstance(caught.value, DatabaseUnavailable)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_changed_password_is_read_again_once() -> None:
    server = FakeServer(passwords=["old"])
    secrets = FakeSecrets("old", "new")
    database = _database(server, secrets)
    database.repeatable("select", ())
    server.passwords = ["new"]
    server.outcomes = [Failure("")]
    assert database.repeatable("select", ()) == (1,)
    assert [parameters["password"] for parameters in server.connects] == ["old", "old", "new"]
    assert secrets.reads == 2


def test_a_password_just_read_and_refused_is_not_read_again() -> None:
    server = FakeServer(passwords=["right"])
    secrets = FakeSecrets("wrong")
    with pytest.raises(DatabaseUnavailable):
        _database(server, secrets).repeatable("select", ())
    assert (secrets.reads, len(server.connects)) == (1, 1)


def test_a_password_that_has_not_changed_is_not_tried_again() -> None:
    server = FakeServer()
    secrets = FakeSecrets("same")
    database = _database(server, secrets)
    database.repeatable("select", ())
    database.close()
    server.refuse = True
    with pytest.raises(DatabaseUnavailable):
        database.repeatable("select", ())
    assert (secrets.reads, len(server.connects)) == (2, 2)


def test_the_connection_has_bounds_and_protection() -> None:
    server = FakeServer()
    login = SecretLogin("app", ARN, FakeSecrets("p"))
    settings = DatabaseSettings("db", 5432, "orders", "verify-full", "/certificates.pem")
    Database(settings, login, connect=server.connect).repeatable("select", ())
    parameters = server.connects[0]
    assert parameters["sslmode"] == "verify-full"
    assert parameters["sslrootcert"] == "/certificates.pem"
    assert parameters["connect_timeout"] <= 5
    assert parameters["tcp_user_timeout"] <= 5000


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_nothing_is_repeated_when_the_time_is_up() -> None:
    settings = DatabaseSettings("db", 5432, "orders", "require", "", answer_s=0.004)
    clock = Clock()
    server = FakeServer(*[Failure("40001")] * 9)
    database = Database(
        settings, SecretLogin("app", ARN, FakeSecrets("p")), connect=server.connect, sleep=clock.sleep, clock=clock
    )
    with pytest.raises(DatabaseUnavailable, match="40001"):
        database.repeatable("select", ())
    assert (server.statements, clock.now) == (1, 100.0)


def test_a_changed_password_is_looked_for_once_in_a_while() -> None:
    server = FakeServer()
    secrets = FakeSecrets("same")
    clock = Clock()
    login = SecretLogin("app", ARN, secrets, clock)
    database = Database(SETTINGS, login, connect=server.connect, clock=clock)
    database.repeatable("select", ())
    database.close()
    server.refuse = True
    for _ in range(10):
        with pytest.raises(DatabaseUnavailable):
            database.repeatable("select", ())
    assert secrets.reads == 2
    clock.now += REREAD_S
    with pytest.raises(DatabaseUnavailable):
        database.repeatable("select", ())
    assert secrets.reads == 3


def test_without_time_to_read_it_a_changed_password_is_the_next_requests() -> None:
    server = FakeServer(passwords=["old"])
    secrets = FakeSecrets("old", "new")
    login = SecretLogin("app", ARN, secrets)
    brief = DatabaseSettings("db", 5432, "orders", "require", "", answer_s=2)
    database = Database(brief, login, connect=server.connect)
    database.repeatable("select", ())
    server.passwords = ["new"]
    database.close()
    with pytest.raises(DatabaseUnavailable):
        database.repeatable("select", ())
    assert secrets.reads == 1
    assert database.repeatable("select", ()) == (1,)
    assert secrets.reads == 2
