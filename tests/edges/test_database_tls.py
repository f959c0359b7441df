"""Logging in to PostgreSQL as on AWS: over TLS, with an IAM token; and what is said when one of them is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.common import signing
from functions.common.database import Database
from functions.common.errors import DatabaseUnavailable
from functions.common.logins import IamLogin
from functions.common.settings import DatabaseSettings
from functions.place_order.command import Line, PlaceOrder, place_order
from functions.place_order.store import PostgresOrders
from tests.edges.certificates import Authority
from tests.edges.conftest import Aurora
from tests.edges.tokens import clock

ORDER = PlaceOrder("demo", 1, (Line(1, 1), Line(2, 3)))


def _select(database: Database) -> int:
    return int(database.repeatable("select 1", ())[0])


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_an_order_is_placed_over_tls_with_a_token(aurora: Aurora, sslmode: str) -> None:
    database = aurora.database(sslmode)
    assert place_order(ORDER, PostgresOrders(database, 24)).client_version == 1
    assert aurora.iam.refused == []
    assert aurora.front.passwords[0].startswith(f"localhost:{aurora.front.port}/?Action=connect&DBUser=app&")
    database.close()


def test_without_tls_nobody_gets_in(aurora: Aurora) -> None:
    with pytest.raises(DatabaseUnavailable, match="no encryption"):
        _select(aurora.database("disable"))
    assert aurora.front.passwords == []


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_a_server_without_tls_gets_no_token(aurora_with: Callable[..., Aurora], sslmode: str) -> None:
    aurora = aurora_with(tls=False)
    with pytest.raises(DatabaseUnavailable, match="SSL"):
        _select(aurora.database(sslmode))
    assert aurora.front.passwords == []


def test_a_certificate_of_another_authority_is_refused(aurora: Aurora, tmp_path: Path) -> None:
    settings = aurora.settings()
    other = DatabaseSettings(
        settings.host, settings.port, settings.name, settings.sslmode, str(Authority(tmp_path, "Another").certificate)
    )
    with pytest.raises(DatabaseUnavailable, match="certificate verify failed"):
        _select(Database(other, IamLogin("app", "localhost", settings.port)))
    assert aurora.front.passwords == []


@pytest.mark.parametrize(
    ("names", "expired", "reason"),
    [
        (["db.example.com"], False, 'does not match host name "localhost"'),
        (["localhost"], True, "certificate verify failed"),
    ],
)
def test_a_certificate_for_another_host_or_time_is_refused(
    aurora_with: Callable[..., Aurora], names: list[str], expired: bool, reason: str
) -> None:
    aurora = aurora_with(*names, expired=expired)
    with pytest.raises(DatabaseUnavailable, match=reason):
        _select(aurora.database())
    assert aurora.front.passwords == []
    # "require" is encryption only: whoever configures it takes any certificate.
    assert _select(aurora.database("require")) == 1


def test_a_missing_root_certificate_is_named(aurora: Aurora) -> None:
    settings = aurora.settings()
    missing = DatabaseSettings(settings.host, settings.port, settings.name, "verify-full", "/nowhere/bundle.pem")
    with pytest.raises(DatabaseUnavailable, match=r"/nowhere/bundle\.pem"):
        _select(Database(missing, IamLogin("app", "localhost", settings.port)))


def test_a_token_lets_in_until_it_expires_and_each_connection_has_a_new_one(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(signing, "time", clock(lambda: now))
    aurora.iam.clock = lambda: now
    database = aurora.database()
    assert _select(database) == 1
    for _ in range(2):
        now += signing.TOKEN_SECONDS + 1
        # Who is in stays in: the token is for the login only.
        assert _select(database) == 1
        aurora.front.cut()
        assert _select(database) == 1
    assert aurora.iam.refused == []
    assert len(set(aurora.front.passwords)) == len(aurora.front.passwords) == 3


def test_an_expired_token_is_refused_and_the_error_says_who(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_at = time.time()
    monkeypatch.setattr(signing, "time", clock(lambda: signed_at))
    aurora.iam.clock = lambda: signed_at + signing.TOKEN_SECONDS
    with pytest.raises(DatabaseUnavailable, match='PAM authentication failed for user "app"') as caught:
        _select(aurora.database())
    assert aurora.iam.refused == ["expired"]
    assert "X-Amz" not in str(caught.value)
    aurora.iam.clock = lambda: signed_at + signing.TOKEN_SECONDS - 1
    assert _select(aurora.database()) == 1


@pytest.mark.parametrize(
    ("variable", "value"), [("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_SESSION_TOKEN", "another"), ("AWS_REGION", "x")]
)
def test_a_token_of_other_credentials_is_refused(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(DatabaseUnavailable):
        _select(aurora.database())
    assert aurora.iam.refused == ["not what the role would sign"]
