"""The connection to the read model over a fake: what is repeated, and how often."""

from __future__ import annotations

import pytest
import redis
from redis.exceptions import ClusterDownError, ReadOnlyError, RedisError

from functions.common.cache import Cache, IamCredentials, one_shard
from functions.common.errors import CacheUnavailable
from functions.common.settings import CacheSettings


class FakeClient:
    """Counts how often its connections are dropped; each call takes the next of `outcomes`."""

    def __init__(self, *outcomes: RedisError | None) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0
        self.dropped = 0
        self.connection_pool = self
        self.connection_kwargs = {"socket_timeout": 1.0}

    def disconnect(self) -> None:
        self.dropped += 1


def _command(client: FakeClient) -> int:
    client.calls += 1
    outcome = client.outcomes.pop(0) if client.outcomes else None
    if outcome:
        raise outcome
    return client.calls


def _run(client: FakeClient) -> int:
    return Cache(client).run(_command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [redis.ConnectionError(), redis.TimeoutError(), ReadOnlyError(), redis.AuthenticationError()]
)
def test_a_dead_connection_is_replaced_once(error: RedisError) -> None:
    client = FakeClient(error)
    assert _run(client) == 2
    assert client.dropped == 1


@pytest.mark.parametrize("error", [redis.ConnectionError(), ReadOnlyError()])
def test_a_connection_that_dies_twice_is_unavailable(error: RedisError) -> None:
    client = FakeClient(error, error)
    with pytest.raises(CacheUnavailable):
        _run(client)
    assert client.calls == 2


@pytest.mark.parametrize("error", [redis.ResponseError("WRONGTYPE"), ClusterDownError("down"), redis.DataError()])
def test_anything_else_is_not_repeated(error: RedisError) -> None:
    client = FakeClient(error)
    with pytest.raises(CacheUnavailable):
        _run(client)
    assert client.calls == 1


def test_tls_checks_the_server_and_a_token_is_made_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[tuple[str, str]] = []

    def token(name: str, user: str) -> str:
        tokens.append((name, user))
        return f"token {len(tokens)}"

    monkeypatch.setattr("functions.common.cache.cache_token", token)
    client = one_shard(CacheSettings("cache.example.com", 6379, True, "iam", "app", "orders-cache"))
    connection = client.connection_pool.make_connection()
    assert isinstance(connection, redis.SSLConnection)
    assert connection.check_hostname
    assert connection.cert_reqs.name == "CERT_REQUIRED"
    credentials = connection.credential_provider
    assert isinstance(credentials, IamCredentials)
    assert [credentials.get_credentials(), credentials.get_credentials()] == [("app", "token 1"), ("app", "token 2")]
    assert tokens == [("orders-cache", "app")] * 2
