"""A stack whose read model has three shards: orders arrive in each, and a rebuild fills all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from typer.testing import CliRunner

import ops.stack
from ops.cli import app
from tests.twin.conftest import System
from twin.client import OrdersClient
from twin.folder import TwinFolder
from twin.system import Twin

# Their slots are in the first shard, the second and the third.
CLIENTS = (3, 1, 4)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The running system, with three shards."""
    twin = Twin(TwinFolder(tmp_path_factory.mktemp("sharded") / "twin"), config={"cacheShards": 3})
    try:
        outputs = twin.up()
        with OrdersClient(outputs) as client:
            made = System(twin, outputs, client)
            made.new_client(4)
            yield made
    finally:
        twin.down()


def _cache(sharded: System) -> redis.RedisCluster:
    return redis.RedisCluster(host=sharded.outputs["cache_host"], port=int(sharded.outputs["cache_port"]))


def test_orders_are_read_in_each_shard(sharded: System) -> None:
    for client in CLIENTS * 2:
        sharded.place(client)
    for client in CLIENTS:
        sharded.converged(client)
    with _cache(sharded) as cache:
        owners = [cache.get_node_from_key(f"client:{{{client}}}").name for client in CLIENTS]
        assert len(set(owners)) == 3
        assert all(cache.exists(f"client:{{{client}}}") for client in CLIENTS)


def test_operators_rebuild_and_compare_all_of_them(sharded: System, monkeypatch: pytest.MonkeyPatch) -> None:
    with _cache(sharded) as cache:
        cache.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    for where in (ops.stack.of_twin, ops.stack.find):
        monkeypatch.setattr(where, "__defaults__", (sharded.twin.folder.outputs_file,))
    for words in (["rebuild"], ["reconcile", "--lag-seconds", "0"]):
        done = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["--twin", *words])
        assert done.exit_code == 0, done.output
    for client in CLIENTS:
        sharded.converged(client)
