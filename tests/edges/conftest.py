"""A migrated database behind a front that speaks TLS and takes IAM tokens, as Aurora does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest
import redis
from psycopg2.extensions import connection as Connection  # noqa: N812

from functions.common import signing
from functions.common.cache import Cache, connect
from functions.common.database import Database
from functions.common.logins import IamLogin
from functions.common.settings import CacheSettings, DatabaseSettings
from functions.get_client import handler as get_client
from functions.project_clients import handler as project_clients
from tests.edges.certificates import Authority
from tests.edges.postgres_front import PostgresFront
from tests.edges.tokens import ENVIRONMENT, Iam
from tests.edges.valkey_front import ValkeyFront
from tests.functions.conftest import orders, secrets, settings
from tests.functions.migrated import Orders
from twin.servers.postgres import PostgresServer
from twin.servers.valkey import ValkeyServer

__all__ = ["orders", "secrets", "settings"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the functions trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a function that runs with the role's credentials."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


class Aurora:
    """A front with a certificate for "localhost", and the way into it as app, by token.

    Attributes:
        iam: what checks the tokens; its clock can be set.
    """

    def __init__(self, front: PostgresFront, iam: Iam, orders: Orders, certificate: Path) -> None:
        self.front = front
        self.iam = iam
        self.orders = orders
        self._certificate = certificate

    def settings(
        self, sslmode: str = "verify-full", *, host: str = "localhost", answer_s: float = 8.0
    ) -> DatabaseSettings:
        """Where the front is."""
        certificate = str(self._certificate) if sslmode == "verify-full" else ""
        return DatabaseSettings(host, self.front.port, self.orders.settings.name, sslmode, certificate, answer_s)

    def database(self, sslmode: str = "verify-full", *, host: str = "localhost", answer_s: float = 8.0) -> Database:
        """A `Database` that logs in as app with tokens."""
        return Database(
            self.settings(sslmode, host=host, answer_s=answer_s), IamLogin("app", "localhost", self.front.port)
        )


@pytest.fixture
def aurora_with(
    orders: Orders, postgres: PostgresServer, authority: Authority, role: None
) -> Iterator[Callable[..., Aurora]]:
    """Makes an `Aurora` whose certificate is for these names."""
    signing._session.cache_clear()
    with ExitStack() as stack:

        def make(*names: str, expired: bool = False, tls: bool = True) -> Aurora:
            iam = Iam("rds-db", "", "DBUser")
            context = authority.server_context(*names, expired=expired) if tls else None
            front = PostgresFront(
                postgres, context, accepts=iam.accepts, password_of=lambda user: orders.secrets.read(user)["password"]
            )
            stack.enter_context(front)
            iam.host = f"localhost:{front.port}"
            return Aurora(front, iam, orders, authority.certificate)

        yield make


@pytest.fixture
def aurora(aurora_with: Callable[..., Aurora]) -> Aurora:
    """An `Aurora` with the certificate it should have."""
    return aurora_with("localhost")


class ElastiCache:
    """A front with a certificate for "localhost", and the way into it as reader, by token.

    Attributes:
        iam: what checks the tokens; its clock can be set.
    """

    def __init__(self, front: ValkeyFront, iam: Iam) -> None:
        self.front = front
        self.iam = iam

    def settings(self, answer_s: float = 6.0) -> CacheSettings:
        """Where the front is."""
        return CacheSettings("localhost", self.front.port, True, "iam", "reader", "orders-cache", answer_s)

    def opened(self, answer_s: float = 6.0) -> Cache:
        """A `Cache` that logs in with tokens."""
        return Cache(connect(self.settings(answer_s)))


@pytest.fixture
def elasticache_with(
    valkey: ValkeyServer,
    cache: redis.Redis,
    authority: Authority,
    role: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., ElastiCache]]:
    """Makes an `ElastiCache` whose certificate is for these names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with ExitStack() as stack:

        def make(*names: str, expired: bool = False, tls: bool = True) -> ElastiCache:
            iam = Iam("elasticache", "orders-cache", "User")
            context = authority.server_context(*names, expired=expired) if tls else None
            return ElastiCache(stack.enter_context(ValkeyFront(valkey, context, iam.accepts)), iam)

        yield make


@pytest.fixture
def elasticache(elasticache_with: Callable[..., ElastiCache]) -> ElastiCache:
    """An `ElastiCache` with the certificate it should have."""
    return elasticache_with("localhost")


def master(orders: Orders) -> Connection:
    """Another connection as master, in autocommit mode."""
    login = orders.secrets.values["master"]
    settings = orders.settings
    connection = psycopg2.connect(
        host=settings.host, port=settings.port, dbname=settings.name,
        user=login["username"], password=login["password"],
    )  # fmt: skip
    connection.autocommit = True
    return connection


@pytest.fixture
def settings_of_app(orders: Orders) -> Iterator[None]:
    """Roles outlive a test's database: put back what migrate has set."""
    [(known,)] = orders.rows("select rolconfig from pg_roles where rolname = 'app'")
    yield
    if orders.master.closed:
        orders.master = master(orders)
    orders.rows("alter role app reset all")
    orders.rows("alter role app connection limit -1")
    for one in known:
        name, value = one.split("=", 1)
        orders.rows(f"alter role app set {name} = '{value}'")


@pytest.fixture
def functions(elasticache: ElastiCache, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the functions that use the read model."""
    settings = elasticache.settings()
    for name, value in {
        "CACHE_HOST": settings.host, "CACHE_PORT": str(settings.port), "CACHE_TLS": "true", "CACHE_AUTH": "iam",
        "CACHE_USER": settings.user, "CACHE_NAME": settings.name, "CACHE_ANSWER_MS": "3000", "READ_WAIT_MS": "100",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    project_clients.read_model.cache_clear()
    get_client.views.cache_clear()
    yield
    project_clients.read_model.cache_clear()
    get_client.views.cache_clear()
