"""Login tokens: the same as the AWS SDK's own, and never in a log."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.credentials import Credentials
from hypothesis import example, given
from hypothesis import strategies as st

from functions.common import signing
from functions.common.errors import SettingsError
from functions.common.signing import Identity, presigned
from tests.edges.tokens import ENVIRONMENT, REGION, ROLE, clock, sdk_token

SIGNER = Identity(ROLE.access_key, ROLE.secret_key, str(ROLE.token), REGION)


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    signing._session.cache_clear()


def test_a_database_token_is_the_one_that_the_sdk_makes() -> None:
    client = boto3.client("rds", region_name=REGION)
    for _ in range(5):  # both within one second
        ours = signing.database_token("db.example.com", 5432, "app")
        theirs = client.generate_db_auth_token("db.example.com", 5432, "app")
        if _query(ours)["X-Amz-Date"] == _query(theirs)["X-Amz-Date"]:
            break
    assert ours.partition("?")[0] == theirs.partition("?")[0] == "db.example.com:5432/"
    assert _query(ours) == _query(theirs)


def test_a_cache_token_is_what_the_sdk_signs_for_user_and_replication_group(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(signing, "time", clock(lambda: now))
    token = signing.cache_token("orders-cache", "reader")
    assert token == sdk_token("elasticache", "orders-cache", {"Action": "connect", "User": "reader"}, now)
    assert token.startswith("orders-cache/?Action=connect&User=reader&")
    assert _query(token)["X-Amz-Expires"] == ["900"]


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
HOSTS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,60}[A-Za-z0-9])?", fullmatch=True)
PORTS = st.just("") | st.integers(1, 65535).map(":{}".format)


@given(st.builds(str.__add__, HOSTS, PORTS), NAMES, NAMES, NAMES, st.integers(0, 2**32))
@example("db.example.com:443", "app", "secret", "session", 0)
def test_any_token_is_the_sdks(host: str, user: str, secret: str, session: str, at: int) -> None:
    query = {"Action": "connect", "DBUser": user}
    theirs = sdk_token("rds-db", host, query, at, Credentials("AKID", secret, session))
    assert presigned("rds-db", host, query, Identity("AKID", secret, session, REGION), at) == theirs


def test_credentials_without_a_session_sign_without_one() -> None:
    query = {"Action": "connect", "DBUser": "app"}
    theirs = sdk_token("rds-db", "db:5432", query, 1e9, Credentials("AKID", "secret"))
    assert presigned("rds-db", "db:5432", query, Identity("AKID", "secret", "", REGION), 1e9) == theirs
    assert "Security-Token" not in theirs


def test_credentials_that_are_not_in_the_environment_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Container:
        def get_credentials(self) -> Credentials:
            return ROLE

        def get_config_variable(self, name: str) -> str:
            return REGION

    monkeypatch.setattr(signing, "_session", Container)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert signing.identity() == SIGNER
    monkeypatch.delenv("AWS_REGION")
    assert signing.identity() == SIGNER


def test_credentials_are_read_anew_for_each_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signing.identity() == SIGNER
    monkeypatch.setenv("AWS_SESSION_TOKEN", "renewed")
    assert signing.identity().session_token == "renewed"


@pytest.mark.parametrize("region", ["", REGION])
def test_without_credentials_the_error_says_so(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    class Nobody:
        def get_credentials(self) -> None:
            return None

        def get_config_variable(self, name: str) -> str:
            return region

    monkeypatch.setattr(signing, "_session", Nobody)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingsError, match="credentials"):
        signing.cache_token("orders-cache", "app")


def test_secrets_are_in_no_repr() -> None:
    assert ROLE.secret_key not in repr(SIGNER)
    assert str(ROLE.token) not in f"{SIGNER} {SIGNER!r}"


def _query(token: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit("//" + token).query)
