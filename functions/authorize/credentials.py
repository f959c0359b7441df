"""Basic credentials (RFC 7617) and the pair that they are compared with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from functions.common.errors import SecretUnreadable
from functions.common.secret_store import field
from functions.common.telemetry import logger

MAX_HEADER = 2048
# How soon a wrong password may make the secret be read again.
RETRY_SECONDS = 5.0


@dataclass(frozen=True, repr=False)
class Credentials:
    """A user name and a password. Not in any repr, so in no log."""

    username: str
    password: str

    def same(self, other: Credentials) -> bool:
        """Whether both parts are equal, in a time that tells neither where nor which part differs."""
        name = hmac.compare_digest(_digest(self.username), _digest(other.username))
        password = hmac.compare_digest(_digest(self.password), _digest(other.password))
        return name & password


@dataclass(frozen=True, repr=False)
class Known:
    """The credentials in force, with the API key of their usage plan if the secret names one."""

    credentials: Credentials
    api_key: str


class Secrets(Protocol):
    """What is needed of `SecretStore`."""

    def read(self, arn: str) -> dict[str, str]:
        """The secret's fields. Raises SecretUnreadable."""
        ...


def parse_basic(header: object) -> Credentials | None:
    """The credentials in an Authorization header, None for anything that is not well-formed."""
    if not isinstance(header, str) or len(header) > MAX_HEADER:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except ValueError:  # of base64 and of UTF-8
        return None
    return Credentials(username, password) if colon else None


class CredentialCheck:
    """Compares with a secret, kept for `max_age_s`.

    Rotation: credentials that do not match make the secret be read again (every 5 s at most), so new ones are good at
    once, and old ones until the age is over at the latest. If the secret cannot be read, the last known value
    serves for one more age, and then nobody is let in.
    """

    def __init__(self, secrets: Secrets, arn: str, max_age_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._arn = arn
        self._max_age = max_age_s
        self._clock = clock
        self._known: Known | None = None
        self._read_at = 0.0
        self._tried_at = 0.0

    def check(self, presented: Credentials) -> Known | None:
        """The known credentials if these are the same, else None. Raises SecretUnreadable."""
        known = self._current()
        if presented.same(known.credentials):
            return known
        if self._clock() - self._tried_at < RETRY_SECONDS:
            return None
        known = self._renewed(known)
        return known if presented.same(known.credentials) else None

    def _current(self) -> Known:
        if self._known is None:
            return self._read()
        age = self._clock() - self._read_at
        if age < self._max_age:
            return self._known
        if age >= 2 * self._max_age:
            return self._read()
        due = self._clock() - self._tried_at >= RETRY_SECONDS
        return self._renewed(self._known) if due else self._known

    def _renewed(self, known: Known) -> Known:
        """The secret as it is now, or, if it cannot be read, as it was."""
        try:
            return self._read()
        except SecretUnreadable as error:
            logger.warning("credentials kept beyond their age", reason=str(error))
            return known

    def _read(self) -> Known:
        self._tried_at = self._clock()
        fields = self._secrets.read(self._arn)
        credentials = Credentials(field(fields, "username", self._arn), field(fields, "password", self._arn))
        self._known = Known(credentials, fields.get("api_key", ""))
        self._read_at = self._tried_at
        return self._known


def _digest(text: str) -> bytes:
    """Of one length for every text, as compare_digest tells lengths apart."""
    return hashlib.sha256(text.encode()).digest()
