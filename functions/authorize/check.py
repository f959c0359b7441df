"""Whether credentials are those in a secret, also while they are being exchanged for new ones.

A rotation writes a new value: Secrets Manager labels it AWSCURRENT, and the value before it AWSPREVIOUS. The new
credentials are good at once: whoever is refused by what is known here is compared with the secret as it is now. The
old ones stay good for `overlap_s` after the new ones were written, so that callers can change over one by one. Writing
twice, or an overlap of 0, ends them at once.

Reading is bounded. A value is used for `max_age_s`. Wrong credentials make it be read again, 5 times in a row and then
once a second, so that guessing costs neither money nor time: only then, under a flood of wrong ones, may new
credentials take up to a second to be known. When Secrets Manager cannot be read, the last value serves for one more
age, and then nobody is let in; and it is asked every 5 s only, as a call may take seconds to fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from functions.authorize.credentials import Credentials
from functions.common.errors import SecretUnreadable
from functions.common.secret_store import SecretVersion, Stage, field
from functions.common.telemetry import logger

REREADS_AT_ONCE = 5
REREAD_S = 1.0
PAUSE_AFTER_FAILURE_S = 5.0


class Secrets(Protocol):
    """What is needed of `SecretStore`."""

    def version(self, arn: str, stage: Stage = "AWSCURRENT") -> SecretVersion | None:
        """The value with this label, None if there is none. Raises SecretUnreadable."""
        ...


@dataclass(frozen=True, repr=False)
class Caller:
    """Who was let in, with the API key that the usage plan counts by, empty if the secret names none."""

    username: str
    api_key: str


@dataclass(frozen=True, repr=False)
class _Known:
    """What the secret said at one moment. `previous` is good until `overlap_ends` (epoch seconds)."""

    current: Credentials
    previous: Credentials | None
    overlap_ends: float
    api_key: str


class CredentialCheck:
    """Compares with a secret; see the module. `now` gives epoch seconds, `clock` seconds that never go back."""

    def __init__(
        self,
        secrets: Secrets,
        arn: str,
        max_age_s: float,
        overlap_s: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._arn = arn
        self._max_age = max_age_s
        self._overlap = overlap_s
        self._clock = clock
        self._now = now
        self._known: _Known | None = None
        self._read_at = 0.0
        self._rereads = float(REREADS_AT_ONCE)
        self._counted_at = clock()
        self._failed_at: float | None = None

    def check(self, presented: Credentials) -> Caller | None:
        """The caller with these credentials, None if they are not right. Raises SecretUnreadable."""
        known = self._in_force()
        if not self._matches(presented, known) and self._may_reread():
            known = self._renewed(known)
        if not self._matches(presented, known):
            return None
        # Of the current value, also for the previous credentials: only that key is in the usage plan.
        return Caller(presented.username, known.api_key)

    def _matches(self, presented: Credentials, known: _Known) -> bool:
        current = presented.same(known.current)
        previous = known.previous is not None and presented.same(known.previous) and self._now() < known.overlap_ends
        return current | previous

    def _in_force(self) -> _Known:
        if self._known is None:
            return self._read()
        age = self._clock() - self._read_at
        if age < self._max_age:
            return self._known
        if age < 2 * self._max_age:
            return self._renewed(self._known)
        return self._read()

    def _may_reread(self) -> bool:
        now = self._clock()
        self._rereads = min(float(REREADS_AT_ONCE), self._rereads + (now - self._counted_at) / REREAD_S)
        self._counted_at = now
        if self._rereads < 1:
            return False
        self._rereads -= 1
        return True

    def _renewed(self, known: _Known) -> _Known:
        """The secret as it is now, or, if it cannot be read, as it was."""
        try:
            return self._read()
        except SecretUnreadable as error:
            logger.warning("credentials kept beyond their age", reason=str(error))
            return known

    def _read(self) -> _Known:
        if self._failed_at is not None and self._clock() - self._failed_at < PAUSE_AFTER_FAILURE_S:
            raise SecretUnreadable(f"Secret {self._arn} could not be read a moment ago.")
        started = self._clock()
        try:
            self._known = self._as_written()
        except SecretUnreadable:
            self._failed_at = self._clock()
            raise
        self._failed_at, self._read_at = None, started
        return self._known

    def _as_written(self) -> _Known:
        version = self._secrets.version(self._arn)
        if version is None:
            raise SecretUnreadable(f"Secret {self._arn} has no value yet: write one.")
        current = _credentials(version, self._arn)
        ends = version.written_at + self._overlap
        previous = self._before(current) if self._now() < ends else None
        return _Known(current, previous, ends, version.fields.get("api_key", ""))

    def _before(self, current: Credentials) -> Credentials | None:
        """The credentials before these. Not to be had, or malformed, they keep nobody else out."""
        try:
            version = self._secrets.version(self._arn, "AWSPREVIOUS")
            return None if version is None else _credentials(version, self._arn)
        except SecretUnreadable as error:
            logger.warning("previous credentials unknown", reason=str(error))
            known = self._known
            if known is None:
                return None
            return known.previous if known.current == current else known.current


def _credentials(version: SecretVersion, arn: str) -> Credentials:
    return Credentials(field(version.fields, "username", arn), field(version.fields, "password", arn))
