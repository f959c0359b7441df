"""Settings of the functions, read from the environment, typed.

Each function reads what it needs when that is first needed, not at import; a missing or malformed variable is a
`SettingsError` that names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from functions.common.errors import SettingsError


class Environment:
    """Typed look at environment variables (those of the process, unless others are given)."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str | None = None) -> str:
        """The variable's text; an empty one counts as missing.

        Raises SettingsError if it is missing and there is no default.
        """
        value = self._variables.get(name, "")
        if value:
            return value
        if default is None:
            raise SettingsError(f"Environment variable {name} is not set: set it in the function's configuration.")
        return default

    def integer(self, name: str, default: int | None = None, *, least: int = 0, most: int = 2**31 - 1) -> int:
        """The variable as an integer from `least` to `most`; raises SettingsError otherwise."""
        text = self.text(name, None if default is None else str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
            raise SettingsError(f"Environment variable {name} must be an integer from {least} to {most}, not {text!r}.")
        return int(text)

    def choice(self, name: str, *choices: str, default: str | None = None) -> str:
        """The variable as one of `choices`; raises SettingsError otherwise."""
        text = self.text(name, default)
        if text not in choices:
            raise SettingsError(f"Environment variable {name} must be one of {', '.join(choices)}, not {text!r}.")
        return text


@dataclass(frozen=True)
class DatabaseSettings:
    """Where PostgreSQL is and how the connection is protected (`sslmode` and `sslrootcert` as libpq has them).

    `answer_s` is how long one request may wait for it, all attempts together.
    """

    host: str
    port: int
    name: str
    sslmode: str
    sslrootcert: str
    answer_s: float = 8.0

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read DATABASE_HOST, _PORT, _NAME, _SSLMODE, and (optional) _SSLROOTCERT and _ANSWER_MS."""
        return cls(
            host=environment.text("DATABASE_HOST"),
            port=environment.integer("DATABASE_PORT", least=1, most=65535),
            name=environment.text("DATABASE_NAME"),
            sslmode=environment.choice("DATABASE_SSLMODE", "disable", "require", "verify-full"),
            sslrootcert=environment.text("DATABASE_SSLROOTCERT", ""),
            answer_s=environment.integer("DATABASE_ANSWER_MS", 8000, least=100, most=29000) / 1000,
        )


@dataclass(frozen=True)
class LoginSettings:
    """As whom to log in to PostgreSQL: with an IAM token, or with the password in a secret."""

    user: str
    auth: Literal["iam", "secret"]
    secret_arn: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read DATABASE_USER, DATABASE_AUTH and, if that is "secret", DATABASE_SECRET_ARN."""
        user = environment.text("DATABASE_USER")
        if environment.choice("DATABASE_AUTH", "iam", "secret") == "iam":
            return cls(user=user, auth="iam", secret_arn="")
        return cls(user=user, auth="secret", secret_arn=environment.text("DATABASE_SECRET_ARN"))


@dataclass(frozen=True)
class CacheSettings:
    """Where the read model is. `name` is the replication group's id, which the IAM token is made for.

    `answer_s` is how long one call of it may take, both attempts together. With `cluster` the keys are spread over
    several shards, and the host is the group's configuration endpoint.
    """

    host: str
    port: int
    tls: bool
    auth: Literal["iam", "none"]
    user: str
    name: str
    answer_s: float = 6.0
    cluster: bool = False

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read CACHE_HOST, _PORT, _TLS, _AUTH, (optional) _CLUSTER, _ANSWER_MS and, for IAM, _USER and _NAME."""
        iam = environment.choice("CACHE_AUTH", "iam", "none") == "iam"
        tls = environment.choice("CACHE_TLS", "true", "false") == "true"
        if iam and not tls:
            raise SettingsError("CACHE_AUTH iam needs TLS: set CACHE_TLS to true.")
        return cls(
            host=environment.text("CACHE_HOST"),
            port=environment.integer("CACHE_PORT", least=1, most=65535),
            tls=tls,
            auth="iam" if iam else "none",
            user=environment.text("CACHE_USER") if iam else "",
            name=environment.text("CACHE_NAME") if iam else "",
            answer_s=environment.integer("CACHE_ANSWER_MS", 6000, least=100, most=29000) / 1000,
            cluster=environment.choice("CACHE_CLUSTER", "true", "false", default="false") == "true",
        )
