"""The connection to the read model (Valkey or Redis OSS, of one shard or of several).

Every call made through `Cache` may be made twice: reads, and writes that compare versions. So a connection that is dead
or silent, or that leads to a server that lost its role in a failover, is replaced once within the same request.

Bounds
------
`CacheSettings.answer_s` is for one call of `Cache.run`, both attempts together. Each wait (for a connection, for TLS,
for the login, for an answer) has a sixth of it; an attempt has four of these at most, and the second begins only
while there is room for four.

With IAM each connection logs in with a token of its own. ElastiCache ends such a connection after 12 hours; it is
replaced an hour before, between two requests. (Of several shards it is replaced when it has ended, by the second
attempt.) Source: "Authenticating with IAM" (Amazon ElastiCache User Guide).
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
    RedisClusterException,
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
# What a call can fail with: a cluster that is out of reach is none of redis-py's own errors' kind.
FAILURES = (RedisError, RedisClusterException)
Client = redis.Redis | redis.RedisCluster
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


def connect(settings: CacheSettings, clock: Callable[[], float] = time.monotonic) -> Client:
    """A client; it opens its connection with the first command, one of several shards asks at once which there are.

    Answers are bytes. With TLS the server's certificate and name are verified, by the authorities that this machine
    trusts (ElastiCache's certificates are Amazon's public ones; SSL_CERT_FILE names others).

    Raises CacheUnavailable if several shards are configured and none can be asked.
    """
    return several_shards(settings) if settings.cluster else one_shard(settings, clock)


def several_shards(settings: CacheSettings) -> redis.RedisCluster:
    """A client of a cluster; see `connect`."""
    protection: dict[str, Any] = {"ssl": False}
    if settings.tls:
        protection = {"ssl": True, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    try:
        # Who is sent elsewhere once asks anew where all of it is.
        return redis.RedisCluster(**_parameters(settings), **protection, reinitialize_steps=1)
    except FAILURES as error:
        raise unavailable(error) from error


def one_shard(settings: CacheSettings, clock: Callable[[], float] = time.monotonic) -> redis.Redis:
    """A client of one server, or of a primary that others follow; see `connect`."""
    protection: dict[str, Any] = {"connection_class": redis.Connection}
    if settings.tls:
        protection = {
            "connection_class": redis.SSLConnection,
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
            "ssl_check_hostname": True,
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        }
    return redis.Redis(connection_pool=YoungConnections(CONNECTION_HOURS, clock, **_parameters(settings), **protection))


def _parameters(settings: CacheSettings) -> dict[str, Any]:
    """What each connection is made with, however many shards there are."""
    wait_s = settings.answer_s / WAITS
    return {
        "host": settings.host,
        "port": settings.port,
        "credential_provider": IamCredentials(settings.name, settings.user) if settings.auth == "iam" else None,
        "socket_connect_timeout": wait_s,
        "socket_timeout": wait_s,
        "socket_keepalive": True,
        # `Cache` repeats; and the older protocol opens a connection with fewer messages.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }


class Cache:
    """Runs commands on the client, over a new connection if the first was dead."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        of = client.nodes_manager if isinstance(client, redis.RedisCluster) else client.connection_pool
        wait_s: float = of.connection_kwargs["socket_timeout"]
        self._patience = (WAITS - WAITS_OF_AN_ATTEMPT) * wait_s
        self._clock = clock

    def run(self, commands: Callable[[Any], Result]) -> Result:
        """Call `commands` with the client, again once if the connection fails; it must bear being run twice.

        Raises CacheUnavailable if the second attempt fails as well, or the server refuses the command.
        """
        started = self._clock()
        try:
            return commands(self._client)
        except (redis.ConnectionError, redis.TimeoutError, *WRONG_SERVER) as error:
            # redis-py drops a broken connection itself; one to a demoted server it would keep.
            disconnect(self._client)
            if self._clock() - started > self._patience:
                raise unavailable(error) from error
            logger.warning("connection to the read model replaced", reason=type(error).__name__)
        except FAILURES as error:
            raise unavailable(error) from error
        try:
            return commands(self._client)
        except FAILURES as error:
            disconnect(self._client)
            raise unavailable(error) from error


def disconnect(client: Client) -> None:
    """Close the client's connections; it opens new ones when it needs them."""
    if isinstance(client, redis.RedisCluster):
        forget: Callable[[], object] = client.disconnect_connection_pools  # redis-py leaves it without types
        forget()
    else:
        client.connection_pool.disconnect()


def unavailable(error: Exception) -> CacheUnavailable:
    """The error of redis-py as one of ours."""
    # redis-py says of whoever refuses to tell where the slots are that it is in no cluster; what was said is behind it.
    while isinstance(error, RedisClusterException) and isinstance(
        behind := error.__cause__ or error.__context__, Exception
    ):
        error = behind
    kind = type(error).__name__
    if isinstance(error, AskError):  # and MOVED, which is one
        return CacheUnavailable(
            f"The read model is on a cluster of several shards ({kind}), and this client speaks to one: "
            "set CACHE_CLUSTER to true, or turn cluster mode off."
        )
    if isinstance(error, LATER):
        return CacheUnavailable(f"The read model cannot answer now ({kind}): {error}")
    if isinstance(error, ResponseError):
        return CacheUnavailable(f"The read model refused a command ({kind}): {error}")
    return CacheUnavailable(f"The read model could not be reached ({kind}): {error}")
