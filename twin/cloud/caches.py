"""ElastiCache replication groups: each is a Valkey server on this machine, without TLS and without users."""

from __future__ import annotations

from collections.abc import Iterator

from twin.cloud.context import Context, number, text
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, outputs
from twin.servers.valkey import ValkeyServer

PARAMETER_GROUP = "aws:elasticache/parameterGroup:ParameterGroup"
# "Valkey and Redis OSS parameters", ElastiCache user guide: those that mean the same to a server of one's own.
PASSED_ON = frozenset({"maxmemory-policy", "notify-keyspace-events", "timeout", "tcp-keepalive"})


def _server(at: Context, identifier: str, inputs: Inputs, port: int | None = None) -> ValkeyServer:
    group = inputs.get("parameterGroupName")
    found = at.state.find(PARAMETER_GROUP, lambda resource: resource.outputs.get("name") == group)
    entries = found[-1].inputs.get("parameters") or [] if found else []
    settings = {str(entry["name"]): str(entry["value"]) for entry in entries if entry["name"] in PASSED_ON}
    made = ValkeyServer(at.folder_of("elasticache", identifier), port, settings)
    made.process.name = _process(identifier)
    return made


def _check(request: Request) -> Iterator[Problem]:
    inputs = request.inputs
    groups = number(inputs, "numNodeGroups")
    if groups is not None and groups > 1:
        yield Problem("numNodeGroups", f"numNodeGroups is {groups}; the twin runs one node group.")
    if inputs.get("authToken"):
        yield Problem("authToken", "authToken needs TLS, which the twin's server has not: leave it out on this stack.")
    nodes = number(inputs, "numCacheClusters")
    if nodes is None and not inputs.get("numCacheClusters"):
        nodes = 1
    if inputs.get("automaticFailoverEnabled") is True and nodes is not None and nodes < 2:
        yield Problem("automaticFailoverEnabled", "automaticFailoverEnabled needs numCacheClusters of at least 2.")


def _create(at: Context, request: Request) -> Made:
    made = _server(at, text(request.inputs, "replicationGroupId"), request.inputs)
    at.supervisor.add(made.process)
    return _group(at, request, made.port)


def _update(at: Context, old: Resource, request: Request) -> Made:
    port = int(old.outputs["port"])
    now = _server(at, old.id, request.inputs, port)
    running = at.supervisor.processes.get(_process(old.id))
    if running is None or running.argv != now.process.argv:
        at.supervisor.add(now.process)
    return _group(at, request, port)


def _group(at: Context, request: Request, port: int) -> Made:
    identifier = text(request.inputs, "replicationGroupId")
    nodes = int(request.inputs.get("numCacheClusters") or 1)
    computed = {
        "arn": at.arn("elasticache", f"replicationgroup:{identifier}"),
        "primaryEndpointAddress": ValkeyServer.host,
        "readerEndpointAddress": ValkeyServer.host,
        "configurationEndpointAddress": "",
        "port": port,
        "memberClusters": [f"{identifier}-{number:03d}" for number in range(1, nodes + 1)],
        "engineVersionActual": str(request.inputs.get("engineVersion") or ""),
        "clusterEnabled": False,
    }
    return Made(identifier, outputs(at, request.inputs, **computed))


def _delete(at: Context, resource: Resource) -> None:
    at.supervisor.remove(_process(resource.id))
    _server(at, resource.id, resource.inputs, int(resource.outputs["port"])).remove()


def _exists(at: Context, resource: Resource) -> bool:
    return _process(resource.id) in at.supervisor.processes


def _process(identifier: str) -> str:
    return f"valkey-{identifier}"


KINDS = (
    Kind(
        typ="aws:elasticache/replicationGroup:ReplicationGroup",
        create=_create, update=_update, delete=_delete, exists=_exists, check=_check, revives=True,
        named_by="replicationGroupId", name_limit=40,
        secret_outputs=frozenset({"authToken"}),
        differs="One Valkey server without TLS, users and replicas; snapshots are recorded.",
    ),
)  # fmt: skip
