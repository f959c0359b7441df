"""ElastiCache replication groups: a Valkey server on this machine for each shard, without TLS and without users."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from twin.cloud.context import Context, number, text
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs
from twin.servers.valkey import ValkeyServer
from twin.servers.valkey_cluster import ValkeyCluster

PARAMETER_GROUP = "aws:elasticache/parameterGroup:ParameterGroup"
# "Valkey and Redis OSS parameters", ElastiCache user guide: those that mean the same to a server of one's own.
PASSED_ON = frozenset({"maxmemory-policy", "notify-keyspace-events", "timeout", "tcp-keepalive"})


def _sharded(inputs: Inputs) -> bool:
    """Whether the group has cluster mode on."""
    return (number(inputs, "numNodeGroups") or 1) > 1 or _names_cluster_mode(inputs.get("parameterGroupName"))


def _names_cluster_mode(group: object) -> bool:
    # "Default parameter groups", ElastiCache user guide.
    return isinstance(group, str) and group.endswith(".cluster.on")


def _shards(inputs: Inputs) -> list[str]:
    """How the names of the shards' nodes begin; without cluster mode there is one shard, and AWS does not name it."""
    identifier = text(inputs, "replicationGroupId")
    if not _sharded(inputs):
        return [identifier]
    return [f"{identifier}-{shard:04d}" for shard in range(1, 1 + (number(inputs, "numNodeGroups") or 1))]


def _nodes(inputs: Inputs) -> list[str]:
    """What AWS calls the nodes. Here each shard is one process, whatever replicas it has."""
    replicas = number(inputs, "replicasPerNodeGroup")
    each = (number(inputs, "numCacheClusters") or 1) if replicas is None else 1 + replicas
    return [f"{shard}-{node:03d}" for shard in _shards(inputs) for node in range(1, 1 + each)]


def _processes(inputs: Inputs) -> list[str]:
    return [f"valkey-{shard}" for shard in _shards(inputs)]


def _settings(at: Context, inputs: Inputs) -> dict[str, str]:
    group = inputs.get("parameterGroupName")
    found = at.state.find(PARAMETER_GROUP, lambda resource: resource.outputs.get("name") == group)
    entries = found[-1].inputs.get("parameters") or [] if found else []
    return {str(entry["name"]): str(entry["value"]) for entry in entries if entry["name"] in PASSED_ON}


def _run(at: Context, inputs: Inputs, port: int | None = None) -> int:
    """Have the group's servers run as the inputs ask, and give the port of the first.

    Args:
        port: where the only server was; those of several shards know their own.
    """
    folder, names = at.folder_of("elasticache", text(inputs, "replicationGroupId")), _processes(inputs)
    cluster = ValkeyCluster(folder, len(names), _settings(at, inputs)) if _sharded(inputs) else None
    servers = cluster.nodes if cluster else [ValkeyServer(folder, port, _settings(at, inputs))]
    for name, server in zip(names, servers, strict=True):
        server.process.name = name
        running = at.supervisor.processes.get(name)
        if running is None or running.argv != server.process.argv:
            at.supervisor.add(server.process)
    if cluster:
        cluster.join()
    return servers[0].port


def _check(request: Request) -> Iterator[Problem]:
    inputs = request.inputs
    if inputs.get("authToken"):
        yield Problem("authToken", "authToken needs TLS, which the twin's server has not: leave it out on this stack.")
    if inputs.get("numCacheClusters") and inputs.get("numNodeGroups"):
        yield Problem(
            "numCacheClusters",
            "numCacheClusters and numNodeGroups are two ways to count the nodes: leave one of them out.",
        )
    failover = inputs.get("automaticFailoverEnabled") or False
    counts = (inputs.get(name) for name in ("numCacheClusters", "numNodeGroups", "replicasPerNodeGroup"))
    if _sharded(inputs):
        yield from _check_shards(inputs, failover)
    elif failover is True and not any(isinstance(count, Unknown) for count in counts) and len(_nodes(inputs)) < 2:
        yield Problem("automaticFailoverEnabled", "automaticFailoverEnabled needs numCacheClusters of at least 2.")


def _check_shards(inputs: Inputs, failover: object) -> Iterator[Problem]:
    if failover is False:
        yield Problem("automaticFailoverEnabled", "automaticFailoverEnabled must be true with cluster mode on.")
    group = inputs.get("parameterGroupName")
    if isinstance(group, str) and group.startswith("default.") and not _names_cluster_mode(group):
        yield Problem(
            "parameterGroupName",
            f"parameterGroupName is {group}, which has cluster mode off: several shards need {group}.cluster.on.",
        )


def _create(at: Context, request: Request) -> Made:
    # What an attempt left that failed: it may be for a port that somebody else had.
    shutil.rmtree(at.folder_of("elasticache", text(request.inputs, "replicationGroupId")), ignore_errors=True)
    return _group(at, request, _run(at, request.inputs))


def _update(at: Context, old: Resource, request: Request) -> Made:
    return _group(at, request, _run(at, request.inputs, int(old.outputs["port"])))


def _group(at: Context, request: Request, port: int) -> Made:
    identifier, sharded = text(request.inputs, "replicationGroupId"), _sharded(request.inputs)
    nodes = _nodes(request.inputs)
    computed = {
        "arn": at.arn("elasticache", f"replicationgroup:{identifier}"),
        "primaryEndpointAddress": "" if sharded else ValkeyServer.host,
        "readerEndpointAddress": "" if sharded else ValkeyServer.host,
        "configurationEndpointAddress": ValkeyServer.host if sharded else "",
        "port": port,
        "memberClusters": nodes,
        "numCacheClusters": len(nodes),
        "engineVersionActual": str(request.inputs.get("engineVersion") or ""),
        "clusterEnabled": sharded,
    }
    return Made(identifier, outputs(at, request.inputs, **computed))


def _delete(at: Context, resource: Resource) -> None:
    for name in _processes(resource.inputs):
        at.supervisor.remove(name)
    shutil.rmtree(at.folder_of("elasticache", resource.id), ignore_errors=True)


def _exists(at: Context, resource: Resource) -> bool:
    return at.supervisor.processes.keys() >= set(_processes(resource.inputs))


KINDS = (
    Kind(
        typ="aws:elasticache/replicationGroup:ReplicationGroup",
        create=_create, update=_update, delete=_delete, exists=_exists, check=_check, revives=True,
        named_by="replicationGroupId", name_limit=40,
        # On AWS the slots move; here the cache is empty after it.
        replace_on=frozenset({"numNodeGroups"}),
        secret_outputs=frozenset({"authToken"}),
        differs="One Valkey server for each shard, without TLS, users and replicas; snapshots are recorded.",
    ),
)  # fmt: skip
