"""Login tokens: the same as the AWS SDK's own."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from functions.common import signing
from functions.common.errors import SettingsError


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+=")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    signing._session.cache_clear()


def test_a_database_token_is_the_one_that_the_sdk_makes() -> None:
    client = boto3.client("rds", region_name="eu-central-1")
    for _ in range(5):  # both within one second
        ours = signing.database_token("db.example.com", 5432, "app")
        theirs = client.generate_db_auth_token("db.example.com", 5432, "app")
        if _query(ours)["X-Amz-Date"] == _query(theirs)["X-Amz-Date"]:
            break
    assert urlsplit("//" + ours).netloc == "db.example.com:5432"
    assert _query(ours) == _query(theirs)


def test_a_cache_token_names_user_and_cache() -> None:
    token = signing.cache_token("orders-cache", "app")
    query = _query(token)
    assert token.startswith("orders-cache/?Action=connect&User=app&")
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Credential"][0].endswith("/eu-central-1/elasticache/aws4_request")
    assert query["X-Amz-Security-Token"] == ["session/token+="]


def test_without_credentials_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def get_credentials(self) -> None:
            return None

        def get_config_variable(self, name: str) -> str:
            return "eu-central-1"

    monkeypatch.setattr(signing, "_session", Nobody)
    with pytest.raises(SettingsError, match="credentials"):
        signing.cache_token("orders-cache", "app")


def _query(token: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit("//" + token).query)
