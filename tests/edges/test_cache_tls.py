"""Logging in to the read model as on AWS: over TLS, with an IAM token; and what is said when one of them is wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.common import signing
from functions.common.cache import Cache
from functions.common.errors import CacheUnavailable
from functions.get_client import handler as get_client
from functions.project_clients import handler as project_clients
from tests.edges.certificates import Authority
from tests.edges.conftest import ElastiCache
from tests.edges.tokens import clock
from tests.functions.samples import batch, failed, get, message, order_placed


def _ping(cache: Cache) -> bool:
    return bool(cache.run(lambda client: client.ping()))


@pytest.mark.usefixtures("functions")
def test_the_functions_write_and_read_over_tls_with_a_token(elasticache: ElastiCache) -> None:
    assert failed(project_clients.handle(batch(message(order_placed(1, 1))), None)) == set()
    assert get_client.handle(get("/clients/1", "1"), None)["statusCode"] == 200
    assert elasticache.iam.refused == []
    assert len(elasticache.front.passwords) == elasticache.front.accepted == 2
    assert elasticache.front.passwords[0].startswith("orders-cache/?Action=connect&User=reader&")


@pytest.mark.parametrize(("names", "expired"), [(["cache.example.com"], False), (["localhost"], True)])
def test_a_certificate_for_another_host_or_time_is_refused(
    elasticache_with: Callable[..., ElastiCache], names: list[str], expired: bool
) -> None:
    elasticache = elasticache_with(*names, expired=expired)
    with pytest.raises(CacheUnavailable, match="certificate verify failed"):
        _ping(elasticache.opened())
    assert elasticache.front.passwords == []


def test_a_certificate_of_another_authority_is_refused(
    elasticache: ElastiCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "Another").certificate))
    with pytest.raises(CacheUnavailable, match="certificate verify failed"):
        _ping(elasticache.opened())
    assert elasticache.front.passwords == []


@pytest.mark.timeout(60)
def test_a_server_without_tls_gets_no_token(elasticache_with: Callable[..., ElastiCache]) -> None:
    elasticache = elasticache_with(tls=False)
    with pytest.raises(CacheUnavailable):
        _ping(elasticache.opened(3.0))
    assert elasticache.front.passwords == []


def test_a_token_lets_in_until_it_expires_and_each_connection_has_a_new_one(
    elasticache: ElastiCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(signing, "time", clock(lambda: now))
    elasticache.iam.clock = lambda: now
    cache = elasticache.opened()
    assert _ping(cache)
    for _ in range(2):
        now += signing.TOKEN_SECONDS + 1
        assert _ping(cache)
        elasticache.front.cut()
        assert _ping(cache)
    assert elasticache.iam.refused == []
    assert len(set(elasticache.front.passwords)) == len(elasticache.front.passwords) == 3


def test_an_expired_token_is_refused_and_the_error_holds_none_of_it(
    elasticache: ElastiCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_at = time.time()
    monkeypatch.setattr(signing, "time", clock(lambda: signed_at))
    elasticache.iam.clock = lambda: signed_at + signing.TOKEN_SECONDS
    with pytest.raises(CacheUnavailable, match="invalid username-password pair") as caught:
        _ping(elasticache.opened())
    assert elasticache.iam.refused == ["expired", "expired"]
    assert "X-Amz" not in str(caught.value)


def test_ca_of_this_machine_is_what_counts(elasticache: ElastiCache, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ping(elasticache.opened())
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    with pytest.raises(CacheUnavailable):
        _ping(elasticache.opened())
