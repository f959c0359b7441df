"""Settings: typed, and an error names the variable."""

from __future__ import annotations

import pytest

from functions.common.errors import SettingsError
from functions.common.logins import login
from functions.common.secret_store import SecretStore
from functions.common.settings import CacheSettings, DatabaseSettings, Environment, LoginSettings

DATABASE = {
    "DATABASE_HOST": "db",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "orders",
    "DATABASE_SSLMODE": "verify-full",
    "DATABASE_USER": "app",
    "DATABASE_AUTH": "iam",
}
CACHE = {"CACHE_HOST": "c", "CACHE_PORT": "6379", "CACHE_TLS": "true", "CACHE_AUTH": "iam", "CACHE_USER": "u",
         "CACHE_NAME": "n"}  # fmt: skip


def test_all_are_read_with_their_types() -> None:
    environment = Environment({**DATABASE, **CACHE})
    assert DatabaseSettings.read(environment) == DatabaseSettings("db", 5432, "orders", "verify-full", "")
    assert LoginSettings.read(environment) == LoginSettings("app", "iam", "")
    assert CacheSettings.read(environment) == CacheSettings("c", 6379, True, "iam", "u", "n")


def test_how_long_to_wait_is_read_in_milliseconds() -> None:
    environment = Environment({**DATABASE, **CACHE, "DATABASE_ANSWER_MS": "1500", "CACHE_ANSWER_MS": "900"})
    assert DatabaseSettings.read(environment).answer_s == 1.5
    assert CacheSettings.read(environment).answer_s == 0.9


def test_no_token_goes_over_a_connection_without_tls() -> None:
    with pytest.raises(SettingsError, match="CACHE_TLS"):
        CacheSettings.read(Environment({**CACHE, "CACHE_TLS": "false"}))
    environment = Environment({**DATABASE, "DATABASE_SSLMODE": "disable"})
    with pytest.raises(SettingsError, match="DATABASE_SSLMODE"):
        login(LoginSettings.read(environment), DatabaseSettings.read(environment), SecretStore())


def test_what_one_way_of_logging_in_does_not_need_may_be_absent() -> None:
    without = {name: value for name, value in CACHE.items() if name not in ("CACHE_USER", "CACHE_NAME")}
    settings = CacheSettings.read(Environment({**without, "CACHE_AUTH": "none", "CACHE_TLS": "false"}))
    assert (settings.tls, settings.auth, settings.user) == (False, "none", "")


@pytest.mark.parametrize(("value", "cluster"), [(None, False), ("", False), ("false", False), ("true", True)])
def test_a_cache_is_of_several_shards_if_it_is_said(value: str | None, cluster: bool) -> None:
    variables = CACHE if value is None else {**CACHE, "CACHE_CLUSTER": value}
    assert CacheSettings.read(Environment(variables)).cluster is cluster


@pytest.mark.parametrize("value", ["True", "yes", "1", "false ", "3"])
def test_what_is_neither_one_shard_nor_several_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="CACHE_CLUSTER must be one of true, false"):
        CacheSettings.read(Environment({**CACHE, "CACHE_CLUSTER": value}))


@pytest.mark.parametrize("name", DATABASE)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_or_empty_variable_is_named(name: str, value: str | None) -> None:
    variables = {key: text for key, text in {**DATABASE, name: value}.items() if text is not None}
    with pytest.raises(SettingsError, match=name):
        _read_database(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_PORT", "0"), ("DATABASE_PORT", "65536"), ("DATABASE_PORT", "5432 "), ("DATABASE_PORT", "\u0663"),
     ("DATABASE_SSLMODE", "prefer"), ("DATABASE_AUTH", "password"), ("DATABASE_ANSWER_MS", "0"),
     ("DATABASE_ANSWER_MS", "30000"), ("DATABASE_ANSWER_MS", "1.5")],
)  # fmt: skip
def test_a_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        _read_database({**DATABASE, name: value})


def test_a_login_by_secret_needs_the_secret() -> None:
    with pytest.raises(SettingsError, match="DATABASE_SECRET_ARN"):
        LoginSettings.read(Environment({**DATABASE, "DATABASE_AUTH": "secret"}))


def _read_database(variables: dict[str, str]) -> None:
    DatabaseSettings.read(Environment(variables))
    LoginSettings.read(Environment(variables))
