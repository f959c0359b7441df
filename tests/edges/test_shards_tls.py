"""Several shards as on AWS: TLS to each, an IAM token for each connection, users with the program's rights alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from functions.common.cache import Cache, connect
from functions.common.errors import CacheUnavailable
from functions.common.events import ClientState, Seconds
from functions.common.settings import CacheSettings
from functions.get_client import handler as get_client
from functions.heartbeat.store import CachedBeats
from functions.inspect_stores import read_model
from functions.list_orders import handler as list_orders
from functions.project_clients import handler as project_clients
from functions.reconcile.cached import CachedClients
from functions.reconcile.control import CachedControl
from functions.reconcile.kept import Kept
from infra.cache import CacheRole, permissions
from tests.edges.certificates import Authority
from tests.edges.tokens import Iam
from tests.edges.valkey_front import ValkeyFront
from tests.functions.samples import batch, failed, get, heartbeat, message, order_placed
from tests.twin.waiting import until
from twin.servers.valkey_cluster import ValkeyCluster

GROUP = "orders-shards"
NAMES = ("localhost", "127.0.0.1")
ROLES: tuple[CacheRole, ...] = ("reader", "writer", "operator", "inspector")
CLIENTS = range(1, 31)


@dataclass
class Shards:
    """Three shards, each behind a front that the clients are sent to."""

    cluster: ValkeyCluster
    fronts: list[ValkeyFront]
    iam: Iam

    def allow(self, rights: int) -> None:
        """Give the users what the program gives them with so many shards."""
        for role, access in permissions(rights).items():
            for execute in self.cluster.commands():
                execute("ACL", "SETUSER", role, "reset", "nopass", *access.split())

    def opened(self, role: CacheRole) -> Cache:
        """A `Cache` that logs in as this user."""
        port = self.fronts[0].port
        return Cache(connect(CacheSettings("localhost", port, True, "iam", role, GROUP, cluster=True)))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Shards]:
    cluster, iam = (
        ValkeyCluster(tmp_path_factory.mktemp("shards"), settings={"appendonly": "no"}),
        Iam("elasticache", GROUP, "User"),
    )
    with ExitStack() as stack:
        stack.callback(cluster.remove)
        context = authority.server_context(*NAMES)
        fronts = [stack.enter_context(ValkeyFront(node, context, iam.accepts, users=True)) for node in cluster.nodes]
        for node, front in zip(cluster.nodes, fronts, strict=True):
            node.start()
            # Where a node says that it is: on AWS the name that its certificate is for.
            node.client().config_set("cluster-announce-port", front.port)
        cluster.join()
        ports = {front.port for front in fronts}
        until(lambda: all(_ports(ask("CLUSTER", "SLOTS")) == ports for ask in cluster.commands()), what="the ports")
        yield Shards(cluster, fronts, iam)


def _ports(slots: Any) -> set[int]:
    found = slots.values() if isinstance(slots, dict) else slots
    return {int(each["primary"][1]) if isinstance(each, dict) else int(each[2][1]) for each in found}


@pytest.fixture
def shards(started: Shards, authority: Authority, role: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shards]:
    """The shards, empty, and the functions' environment."""
    for name, value in {
        "SSL_CERT_FILE": str(authority.certificate), "CACHE_HOST": "localhost", "CACHE_TLS": "true",
        "CACHE_PORT": str(started.fronts[0].port), "CACHE_AUTH": "iam", "CACHE_NAME": GROUP, "CACHE_CLUSTER": "true",
        "READ_WAIT_MS": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for node, front in zip(started.cluster.nodes, started.fronts, strict=True):
        node.client().flushall()
        front.passwords.clear()
    started.iam.refused.clear()
    started.allow(3)
    with _fresh():
        yield started


@contextmanager
def _fresh() -> Iterator[None]:
    """Functions that have no connection yet."""
    cached = (project_clients.read_model, get_client.views, list_orders.views)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


def _project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_USER", "writer")
    bodies = [message(heartbeat()), *(message(order_placed(client, 1)) for client in CLIENTS)]
    assert failed(project_clients.handle(batch(*bodies), None)) == set()


def test_events_are_written_and_read_in_all_shards(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(monkeypatch)
    assert all(node.client().dbsize() > 5 for node in shards.cluster.nodes)
    monkeypatch.setenv("CACHE_USER", "reader")
    for client in CLIENTS:
        answer = get_client.handle(get(f"/clients/{client}", str(client), {"min_version": "1"}), None)
        assert json.loads(answer["body"])["version"] == 1
        listed = list_orders.handle(get(f"/clients/{client}/orders", str(client)), None)
        assert len(json.loads(listed["body"])["orders"]) == 1
    assert CachedBeats(shards.opened("reader")).newest() is not None
    assert shards.iam.refused == []
    for front in shards.fronts:
        assert {password.partition("&X-Amz")[0] for password in front.passwords} == {
            f"{GROUP}/?Action=connect&User={user}" for user in ("writer", "reader")
        }


def test_operators_and_inspectors_do_their_work(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(monkeypatch)
    cache = shards.opened("operator")
    model, control = CachedClients(cache), CachedControl(cache)
    kept = [Kept(ClientState(client, "Bob", "bob@b.example", 2, 0, "0", Seconds(7)), ()) for client in CLIENTS]
    assert model.replace(kept) == [True] * len(CLIENTS)
    assert model.read([1])[1].version_text == "2"
    cursor, found = "0", set[int]()
    while True:
        cursor, part = model.scan(cursor)
        found |= set(part)
        if cursor == "0":
            break
    assert found == set(CLIENTS)
    model.keep_position("rebuild", "5")
    assert model.advance("rebuild", "5", "6")
    seen = control.state()
    assert control.move(seen, seen)
    control.fill("b:", kept)
    assert control.sweep("b:", "0")
    assert control.memory()[0] > 0
    assert model.remove({1: "2"}) == 1
    told = read_model.inspect(shards.opened("inspector"))
    assert (told["role"], bool(told["heartbeat"])) == ("master", True)


@pytest.mark.parametrize("user", ROLES)
def test_rights_of_one_shard_do_not_let_a_user_find_the_others(shards: Shards, user: CacheRole) -> None:
    shards.allow(1)
    with pytest.raises(CacheUnavailable, match=r"refused a command \(NoPermissionError\): .*cluster\|slots"):
        shards.opened(user)


@pytest.mark.parametrize("user", ROLES)
def test_where_the_slots_are_is_all_that_a_user_may_ask_of_the_cluster(shards: Shards, user: CacheRole) -> None:
    execute = shards.cluster.commands()[0]
    listed: Any = shards.cluster.nodes[0].client().command_list(pattern="cluster|*")
    names = [name.split("|") for name in listed]
    assert len(names) > 20
    arguments = ["0"] * 4

    def may(command: list[str]) -> bool:
        for length in range(len(arguments) + 1):
            # The server tells of a wrong number of arguments first.
            with suppress(redis.ResponseError):
                return bool(execute("ACL", "DRYRUN", user, *command, *arguments[:length]) == "OK")
        raise AssertionError(command)

    assert [command for command in names if may(command)] == [["cluster", "slots"]]


def test_each_shard_has_to_show_its_certificate(
    shards: Shards, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = shards.fronts[-1]
    right, last.context = last.context, authority.server_context("cache.example.com")
    try:
        monkeypatch.setenv("CACHE_USER", "writer")
        bodies = [message(order_placed(client, 1)) for client in CLIENTS]
        # Who has a part in another shard is no better off: the batch comes again.
        assert failed(project_clients.handle(batch(*bodies), None)) == {f"m{number}" for number in range(len(CLIENTS))}
        assert last.passwords == []
    finally:
        last.context = right
