"""As whom a function logs in to PostgreSQL, and with what: an IAM token, or the password in a secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from functions.common.errors import SettingsError
from functions.common.secret_store import LONGEST_CALL_S, field
from functions.common.settings import DatabaseSettings, LoginSettings
from functions.common.signing import database_token

# A server that lets nobody in is no reason to ask Secrets Manager with each request.
REREAD_S = 5.0


class Login(Protocol):
    """Says as whom to log in."""

    user: str

    def password(self) -> str:
        """What to log in with now."""
        ...

    def changed(self, left_s: float) -> bool:
        """After a refused login, with `left_s` seconds left: look for a new password; True if there is one to try."""
        ...


class Secrets(Protocol):
    """What is needed of `SecretStore`."""

    def read(self, arn: str) -> dict[str, str]:
        """The secret's fields. Raises SecretUnreadable."""
        ...


class IamLogin:
    """Logs in with a token made for each connection, so that it never expires before its use."""

    def __init__(self, user: str, host: str, port: int) -> None:
        self.user = user
        self._host = host
        self._port = port

    def password(self) -> str:
        """A fresh token. Raises SettingsError without credentials."""
        return database_token(self._host, self._port, self.user)

    def changed(self, left_s: float) -> bool:
        """Never: the token was new."""
        return False


class SecretLogin:
    """Logs in with the password of a secret, read once and again after a refused login."""

    def __init__(self, user: str, arn: str, secrets: Secrets, clock: Callable[[], float] = time.monotonic) -> None:
        self.user = user
        self._arn = arn
        self._secrets = secrets
        self._clock = clock
        self._password = ""
        self._fresh = False
        self._reread_at = -REREAD_S

    def password(self) -> str:
        """The password as last read. Raises SecretUnreadable."""
        self._fresh = not self._password
        if self._fresh:
            self._password = self._read()
        return self._password

    def changed(self, left_s: float) -> bool:
        """Read the secret again, unless the refused password came straight from it, or it was read a moment ago.

        With too little time left it is read by the next request instead. Raises SecretUnreadable.
        """
        if self._fresh or self._clock() - self._reread_at < REREAD_S:
            return False
        self._reread_at = self._clock()
        known, self._password = self._password, ""
        if left_s < LONGEST_CALL_S:
            return False
        self._password = self._read()
        return self._password != known

    def _read(self) -> str:
        return field(self._secrets.read(self._arn), "password", self._arn)


def login(settings: LoginSettings, database: DatabaseSettings, secrets: Secrets) -> Login:
    """The way to log in that the settings name. Raises SettingsError if a token would go over in clear text."""
    if settings.auth == "iam":
        if database.sslmode == "disable":
            raise SettingsError("DATABASE_AUTH iam needs TLS: set DATABASE_SSLMODE to require or verify-full.")
        return IamLogin(settings.user, database.host, database.port)
    return SecretLogin(settings.user, settings.secret_arn, secrets)
