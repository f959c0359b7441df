"""The connection to the read model (Valkey or Redis OSS, one shard).

Every call made through `Cache` may be made twice: reads, and writes that compare versions. So a connection that is dead
or silent, or that leads to a server that lost its role in a failover, is replaced once within the same request.

Bounds
------
`CacheSettings.answer_s` is for one call of `Cache.run`, both attempts together. Each wait (for a connection, for TLS,
for the login, for an answer) has a sixth of it; an attempt has four of these at most, and the second begins only
while there is room for four.

With IAM each connection logs in with a token of its own. ElastiCache ends such a connection after 12 hours; it is
replaced an hour before, between two requests. Source: "Authenticating with IAM" (Amazon ElastiCache User Guide).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry

from functions.common.errors import CacheUnavailable
from functions.common.settings import CacheSettings
from functions.common.signing import cache_token
from functions.common.telemetry import logger

CONNECTION_HOURS = 11
WAITS = 6
WAITS_OF_AN_ATTEMPT = 4
# The server is not, or no longer, one to ask: another one may be, over a new connection.
WRONG_SERVER = (ReadOnlyError, MasterDownError)
# The server's own words for "later".
LATER = (*WRONG_SERVER, BusyLoadingError, ClusterDownError, TryAgainError)
Result = TypeVar("Result")


class IamCredentials(CredentialProvider):
    """A user's name with a token made for each connection."""

    def __init__(self, name: str, user: str) -> None:
        self._name = name
        self._user = user

    def get_credentials(self) -> tuple[str, str]:
        """The user and a fresh token. Raises SettingsError without AWS credentials."""
        return self._user, cache_token(self._name, self._user)


class YoungConnections(redis.ConnectionPool):
    """Connections that are replaced before they are `hours` old, when nobody uses them."""

    def __init__(self, hours: float, clock: Callable[[], float] = time.monotonic, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._seconds = hours * 3600
        self._clock = clock
        self._since = clock()

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """A connection that the server will not end for its age."""
        if self._clock() - self._since >= self._seconds:
            self.disconnect(inuse_connections=False)
            self._since = self._clock()
        return super().get_connection(*arguments, **options)


def connect(settings: CacheSettings, clock: Callable[[], float] = time.monotonic) -> redis.Redis:
    """A client; it opens its connection with the first command.

    Answers are bytes. With TLS the server's certificate and name are verified, by the authorities that this machine
    trusts (ElastiCache's certificates are Amazon's public ones; SSL_CERT_FILE names others).
    """
    wait_s = settings.answer_s / WAITS
    protection: dict[str, Any] = {"connection_class": redis.Connection}
    if settings.tls:
        protection = {
            "connection_class": redis.SSLConnection,
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
            "ssl_check_hostname": True,
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        }
    pool = YoungConnections(
        CONNECTION_HOURS,
        clock,
        **protection,
        host=settings.host,
        port=settings.port,
        credential_provider=IamCredentials(settings.name, settings.user) if settings.auth == "iam" else None,
        socket_connect_timeout=wait_s,
        socket_timeout=wait_s,
        socket_keepalive=True,
        # `Cache` repeats; and the older protocol opens a connection with fewer messages.
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    return redis.Redis(connection_pool=pool)


class Cache:
    """Runs commands on the client, over a new connection if the first was dead."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        wait_s: float = client.connection_pool.connection_kwargs["socket_timeout"]
        self._patience = (WAITS - WAITS_OF_AN_ATTEMPT) * wait_s
        self._clock = clock

    def run(self, commands: Callable[[redis.Redis], Result]) -> Result:
        """Call `commands` with the client, again once if the connection fails; it must bear being run twice.

        Raises CacheUnavailable if the second attempt fails as well, or the server refuses the command.
        """
        started = self._clock()
        try:
            return commands(self._client)
        except (redis.ConnectionError, redis.TimeoutError, *WRONG_SERVER) as error:
            # redis-py drops a broken connection itself; one to a demoted server it would keep.
            self._client.connection_pool.disconnect()
            if self._clock() - started > self._patience:
                raise _unavailable(error) from error
            logger.warning("connection to the read model replaced", reason=type(error).__name__)
        except RedisError as error:
            raise _unavailable(error) from error
        try:
            return commands(self._client)
        except RedisError as error:
            self._client.connection_pool.disconnect()
            raise _unavailable(error) from error


def _unavailable(error: RedisError) -> CacheUnavailable:
    kind = type(error).__name__
    if isinstance(error, AskError):  # and MOVED, which is one
        return CacheUnavailable(
            f"The read model is on a cluster of several shards ({kind}), and this client speaks to one: "
            "turn cluster mode off."
        )
    if isinstance(error, LATER):
        return CacheUnavailable(f"The read model cannot answer now ({kind}): {error}")
    if isinstance(error, ResponseError):
        return CacheUnavailable(f"The read model refused a command ({kind}): {error}")
    return CacheUnavailable(f"The read model could not be reached ({kind}): {error}")
