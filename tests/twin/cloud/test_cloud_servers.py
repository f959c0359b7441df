"""Databases and caches: servers of this machine behind the resources of AWS."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from tests.twin.waiting import until
from twin.cloud import Cloud, InputError
from twin.emulator import Emulator
from twin.ports import free_ports
from twin.supervisor import Supervisor

CLUSTER, GROUP = "aws:rds/cluster:Cluster", "aws:rds/clusterParameterGroup:ClusterParameterGroup"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"


def _group(cloud: Cloud, *parameters: tuple[str, str]) -> str:
    entries = [{"name": name, "value": value, "applyMethod": "pending-reboot"} for name, value in parameters]
    made = cloud.create(GROUP, "g", {"family": "aurora-postgresql16", "parameters": entries})
    return str(made.outputs["name"])


def _inputs(group: str, **more: Any) -> dict[str, Any]:
    return {
        "engine": "aurora-postgresql", "clusterIdentifier": "orders", "databaseName": "orders",
        "masterUsername": "master", "manageMasterUserPassword": True, "skipFinalSnapshot": True,
        "dbClusterParameterGroupName": group, **more,
    }  # fmt: skip


@contextmanager
def _connected(outputs: dict[str, Any], login: dict[str, str]) -> Iterator[Any]:
    connection = psycopg2.connect(
        host=outputs["endpoint"],
        port=outputs["port"],
        dbname="orders",
        user=login["username"],
        password=login["password"],
    )
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def _login(emulator: Emulator, outputs: dict[str, Any]) -> dict[str, str]:
    (managed,) = outputs["masterUserSecrets"]
    secret: dict[str, str] = json.loads(
        emulator.client("secretsmanager").get_secret_value(SecretId=managed["secretArn"])["SecretString"]
    )
    return secret


def _show(cursor: Any, setting: str) -> str:
    cursor.execute(f"show {setting}")
    return str(cursor.fetchone()[0])


def test_a_cluster_is_a_server_with_database_master_user_and_parameters(
    cloud: Cloud, emulator: Emulator, supervisor: Supervisor, tmp_path: Path
) -> None:
    group = _group(cloud, ("rds.logical_replication", "1"), ("work_mem", "8MB"), ("rds.force_ssl", "0"))
    made = cloud.create(CLUSTER, "c", _inputs(group))
    login = _login(emulator, made.outputs)
    with _connected(made.outputs, login) as cursor:
        assert (_show(cursor, "wal_level"), _show(cursor, "work_mem")) == ("logical", "8MB")
        cursor.execute("create table kept (n int); insert into kept values (1); create role cdc login")
        cursor.execute("grant rds_replication to cdc; grant rds_iam to cdc")
        # What a superuser could and RDS's master user cannot.
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("alter role cdc replication")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("alter system set work_mem = '1GB'")

    assert cloud.create(CLUSTER, "c", _inputs(group)) == made
    changed = cloud.create(CLUSTER, "c", _inputs(_group(cloud, ("work_mem", "9MB")), backupRetentionPeriod=3))
    assert changed.outputs["port"] == made.outputs["port"]
    assert _login(emulator, changed.outputs) == login
    supervisor.remove("postgres-orders")
    cloud.create(CLUSTER, "c", _inputs(group, backupRetentionPeriod=4))
    with _connected(made.outputs, login) as cursor:
        cursor.execute("select n from kept")
        assert cursor.fetchall() == [(1,)]
        assert (_show(cursor, "wal_level"), _show(cursor, "work_mem")) == ("replica", "9MB")

    instance = {"clusterIdentifier": made.id, "engine": "aurora-postgresql", "instanceClass": "db.serverless"}
    assert (
        cloud.create("aws:rds/clusterInstance:ClusterInstance", "i", instance).outputs["port"] == made.outputs["port"]
    )
    for _ in range(2):
        cloud.delete(CLUSTER, made.id, made.outputs)
    assert supervisor.processes == {}
    assert not (tmp_path / "twin" / "rds" / "orders").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"engine": "aurora-mysql"}, "runs aurora-postgresql only"),
        ({"masterPassword": "secret-secret"}, "either manageMasterUserPassword or a masterPassword"),
        ({"manageMasterUserPassword": False}, "either manageMasterUserPassword or a masterPassword"),
        ({"skipFinalSnapshot": False}, "could never be deleted"),
    ],
)
def test_a_cluster_that_aws_refuses_is_refused(cloud: Cloud, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        cloud.create(CLUSTER, "c", {**_inputs("default"), **change})


def test_a_replication_group_is_a_server(cloud: Cloud, supervisor: Supervisor) -> None:
    inputs = {"replicationGroupId": "orders", "description": "read model", "engine": "valkey", "numCacheClusters": 1}
    made = cloud.create(CACHE, "c", inputs)
    outputs = made.outputs
    with redis.Redis(host=outputs["primaryEndpointAddress"], port=outputs["port"], decode_responses=True) as client:
        client.set("a", "b")
        assert cloud.create(CACHE, "c", {**inputs, "snapshotRetentionLimit": 1}).outputs["port"] == outputs["port"]
        assert client.get("a") == "b"  # a change that does not touch the server leaves it running
    for _ in range(2):
        cloud.delete(CACHE, made.id, outputs)
    assert supervisor.processes == {}


SHARDED = {
    "replicationGroupId": "orders-shards", "description": "read model", "engine": "valkey", "numNodeGroups": 3,
    "replicasPerNodeGroup": 1, "automaticFailoverEnabled": True, "parameterGroupName": "default.valkey8.cluster.on",
}  # fmt: skip


def _cluster(outputs: dict[str, Any]) -> redis.RedisCluster:
    # As the functions do: a few seconds after a start its nodes do not answer yet.
    return redis.RedisCluster(host=outputs["configurationEndpointAddress"], port=outputs["port"], decode_responses=True)


def test_a_replication_group_of_several_shards_is_a_cluster(
    cloud: Cloud, supervisor: Supervisor, tmp_path: Path
) -> None:
    beside = cloud.create(CACHE, "other", {"replicationGroupId": "orders", "description": "d", "engine": "valkey"})
    made = cloud.create(CACHE, "c", SHARDED)
    outputs = made.outputs
    assert (outputs["primaryEndpointAddress"], outputs["readerEndpointAddress"]) == ("", "")
    assert outputs["memberClusters"][:3] == [
        "orders-shards-0001-001", "orders-shards-0001-002", "orders-shards-0002-001",
    ]  # fmt: skip
    assert (len(outputs["memberClusters"]), outputs["numCacheClusters"], outputs["clusterEnabled"]) == (6, 6, True)
    shards = {name: process for name, process in supervisor.processes.items() if "shards" in name}
    assert list(shards) == [f"valkey-orders-shards-{shard:04d}" for shard in (1, 2, 3)]
    with _cluster(outputs) as client:
        assert len(client.get_primaries()) == 3
        for number in range(50):
            client.set(f"key-{number}", str(number))
        kept = {name: process.pid for name, process in shards.items()}
        # A change that does not touch the servers leaves them running.
        assert cloud.create(CACHE, "c", {**SHARDED, "snapshotRetentionLimit": 1}).outputs["port"] == outputs["port"]
        assert {name: supervisor.processes[name].pid for name in shards} == kept
        # One that is killed is back with its slots and its keys.
        shards["valkey-orders-shards-0002"].kill()
        until(lambda: shards["valkey-orders-shards-0002"].running, what="the second shard")
        until(lambda: _holds_all(client), what="all keys")
    for _ in range(2):
        cloud.delete(CACHE, made.id, outputs)
    assert list(supervisor.processes) == ["valkey-orders"]
    assert not (tmp_path / "twin" / "elasticache" / "orders-shards").exists()
    cloud.delete(CACHE, beside.id, beside.outputs)


def test_a_failed_attempt_at_several_shards_is_no_burden_to_the_next(cloud: Cloud, tmp_path: Path) -> None:
    folder = tmp_path / "twin" / "elasticache" / "orders-shards"
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (folder / "ports.json").write_text(json.dumps([taken.getsockname()[1], *free_ports(5)]))
        made = cloud.create(CACHE, "c", SHARDED)
        with _cluster(made.outputs) as client:
            assert client.set("key", "value")


def _holds_all(client: redis.RedisCluster) -> bool:
    try:
        return [client.get(f"key-{number}") for number in range(50)] == [str(number) for number in range(50)]
    except (redis.RedisError, redis.exceptions.RedisClusterException):
        return False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"numNodeGroups": 2}, "must be true with cluster mode on"),
        ({"numNodeGroups": 2, "numCacheClusters": 2, "automaticFailoverEnabled": True}, "two ways to count"),
        (
            {"numNodeGroups": 2, "automaticFailoverEnabled": True, "parameterGroupName": "default.valkey8"},
            "default.valkey8.cluster.on",
        ),
        ({"numNodeGroups": 2, "replicasPerNodeGroup": 6, "automaticFailoverEnabled": True}, "0 to 5"),
        ({"authToken": "x" * 16}, "authToken needs TLS"),
        ({"automaticFailoverEnabled": True}, "numCacheClusters of at least 2"),
        ({"transitEncryptionMode": "maybe"}, "one of preferred, required"),
    ],
)
def test_a_replication_group_that_cannot_be_is_refused(cloud: Cloud, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        cloud.create(CACHE, "c", {"replicationGroupId": "orders", "description": "x", **change})
