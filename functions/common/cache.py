"""The connection to the read model (Valkey or Redis OSS, one shard).

Every call made through `Cache` may be made twice: reads, and writes that compare versions. So a dead connection, or a
server that lost its role in a failover, is replaced once within the same request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from functions.common.errors import CacheUnavailable
from functions.common.settings import CacheSettings
from functions.common.signing import cache_token
from functions.common.telemetry import logger

ANSWER_SECONDS = 3.0
Result = TypeVar("Result")


class IamCredentials(CredentialProvider):
    """A user's name with a token made for each connection."""

    def __init__(self, name: str, user: str) -> None:
        self._name = name
        self._user = user

    def get_credentials(self) -> tuple[str, str]:
        """The user and a fresh token."""
        return self._user, cache_token(self._name, self._user)


def connect(settings: CacheSettings) -> redis.Redis:
    """A client; it opens its connection with the first command.

    Answers are bytes. With TLS the server's certificate and name are verified.
    """
    credentials = IamCredentials(settings.name, settings.user) if settings.auth == "iam" else None
    return redis.Redis(
        host=settings.host,
        port=settings.port,
        ssl=settings.tls,
        credential_provider=credentials,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_keepalive=True,
        # `Cache` repeats; and the older protocol opens a connection with fewer messages.
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )


class Cache:
    """Runs commands on the client, over a new connection if the first was dead."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def run(self, commands: Callable[[redis.Redis], Result]) -> Result:
        """Call `commands` with the client, again once if the connection fails; it must bear being run twice.

        Raises CacheUnavailable if the second attempt fails as well, or no answer comes in time.
        """
        try:
            return commands(self._client)
        except (redis.ConnectionError, ReadOnlyError) as error:
            # redis-py drops a broken connection itself; one to a demoted server it would keep.
            self._client.connection_pool.disconnect()
            logger.warning("connection to the read model replaced", reason=type(error).__name__)
        except RedisError as error:
            raise _unavailable(error) from error
        try:
            return commands(self._client)
        except RedisError as error:
            self._client.connection_pool.disconnect()
            raise _unavailable(error) from error


def _unavailable(error: RedisError) -> CacheUnavailable:
    if isinstance(error, ResponseError) and not isinstance(error, (BusyLoadingError, ReadOnlyError)):
        return CacheUnavailable(f"The read model refused a command: {error}")
    return CacheUnavailable(f"The read model could not be reached: {type(error).__name__}.")
