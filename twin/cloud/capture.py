"""DMS: endpoints are kept, a replication task is a process of the twin (`twin.capture`)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from twin.capture.checkpoint import Checkpoint
from twin.capture.spec import parse_spec, read_spec
from twin.cloud.context import Context, text
from twin.cloud.databases import CLUSTER, logical, server
from twin.cloud.errors import InputError, ResourceError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs

MODULE = "twin.capture"
ENDPOINT = "aws:dms/endpoint:Endpoint"
TASK = "aws:dms/replicationTask:ReplicationTask"
INSTANCE = "aws:dms/replicationInstance:ReplicationInstance"
SOURCES = frozenset({"aurora-postgresql", "postgres"})
MIGRATIONS = frozenset({"cdc", "full-load-and-cdc"})
SECRET_MEMBERS = ("username", "password", "host", "port")


def _endpoint(at: Context, request: Request) -> Made:
    inputs, owner = request.inputs, _owner(request)
    kinesis = inputs.get("kinesisSettings") or {}
    role = inputs.get("secretsManagerAccessRoleArn")
    if role:
        at.require_role(str(role), "secretsManagerAccessRoleArn", owner)
    if kinesis.get("serviceAccessRoleArn"):
        at.require_role(str(kinesis["serviceAccessRoleArn"]), "kinesisSettings.serviceAccessRoleArn", owner)
    arn = at.arn("dms", f"endpoint:{request.hex(26).upper()}")
    return Made(text(inputs, "endpointId"), outputs(at, inputs, endpointArn=arn))


def _check_endpoint(request: Request) -> Iterator[Problem]:
    inputs = request.inputs
    secret = inputs.get("secretsManagerArn")
    if secret and not inputs.get("secretsManagerAccessRoleArn"):
        yield Problem("secretsManagerArn", "secretsManagerArn needs secretsManagerAccessRoleArn.")
    plain = [prop for prop in ("username", "password", "serverName", "port") if inputs.get(prop)]
    if secret and plain:
        yield Problem("secretsManagerArn", f"secretsManagerArn and {', '.join(plain)} exclude each other.")


def _check(request: Request) -> Iterator[Problem]:
    inputs, kind = request.inputs, request.inputs.get("migrationType")
    if kind not in MIGRATIONS and not isinstance(kind, Unknown):
        yield Problem("migrationType", f"migrationType is {kind!r}; DMS takes {sorted(MIGRATIONS)}.")
    for prop in ("tableMappings", "replicationTaskSettings"):
        if isinstance(inputs.get(prop), str):
            try:
                parsed(inputs, prop, prop)
            except InputError as error:
                yield Problem(prop, str(error).removeprefix(f"{prop}: "))


def _create(at: Context, request: Request) -> Made:
    return _run(at, request, text(request.inputs, "replicationTaskId"))


def _run(at: Context, request: Request, id_: str) -> Made:
    inputs, owner = request.inputs, _owner(request)
    if not at.state.find(
        INSTANCE, lambda one: one.outputs["replicationInstanceArn"] == inputs["replicationInstanceArn"]
    ):
        raise InputError(f"{owner}: there is no replication instance {inputs['replicationInstanceArn']}.")
    source = _find(at, text(inputs, "sourceEndpointArn"), "source", owner)
    target = _find(at, text(inputs, "targetEndpointArn"), "target", owner)
    started = bool(inputs.get("startReplicationTask"))
    resource_identifier = str(inputs.get("resourceIdentifier") or request.hex(26).upper())
    if started:
        spec = _spec(at, inputs, id_, resource_identifier, source, target, owner)
        # Refused here, with the resource's name, and not in the log of a process.
        parse_spec({**spec, "aws": at.emulator.aws})
        _allow_replication(at, spec["source"], owner)
        role = spec["target"]["kinesis_settings"].get("service_access_role_arn")
        at.run(_process(id_), MODULE, spec, role_arn=role, service="dms.amazonaws.com")
    else:
        at.stop(_process(id_))
    computed = {
        "replicationTaskArn": at.arn("dms", f"task:{resource_identifier}"),
        "resourceIdentifier": resource_identifier,
        "status": "running" if started else "ready",
    }
    return Made(id_, outputs(at, inputs, **computed))


def start_task(at: Context, task: Resource, *, reload: bool = False) -> None:
    """Start a task that is not running; with `reload` from a full load on, else from where it stopped.

    Raises:
        InputError, ResourceError, TwinError: it cannot be started.
    """
    if reload:
        Checkpoint(at.folder_of("dms", task.id)).remove()
    given = {"startReplicationTask": True, "resourceIdentifier": task.outputs["resourceIdentifier"]}
    _run(at, Request(task.typ, task.name, {**task.inputs, **given}, task.seed), task.id)


def stop_task(at: Context, task: Resource) -> None:
    """Stop a task; its slot stays, and with it the log that it has not read."""
    at.stop(_process(task.id))


def status_of(at: Context, task: Resource) -> tuple[str, str]:
    """Give a task's status in DMS's words (ready, running, stopped, failed), and why it failed."""
    process = at.supervisor.processes.get(_process(task.id))
    if process is None:
        made = (at.folder_of("dms", task.id) / "spec.json").exists()
        return ("stopped" if made else "ready"), ""
    if process.gave_up:
        return "failed", process.log_tail().strip()
    return "running", ""


def _find(at: Context, arn: str, type_: str, owner: str) -> Resource:
    found = at.state.find(ENDPOINT, lambda one: one.outputs.get("endpointArn") == arn)
    if not found:
        raise InputError(f"{owner}: there is no endpoint {arn}.")
    if found[-1].inputs.get("endpointType") != type_:
        raise InputError(f"{owner}: the endpoint {found[-1].name!r} is not of endpointType {type_}.")
    return found[-1]


def _spec(
    at: Context, inputs: Inputs, id_: str, resource_identifier: str, source: Resource, target: Resource, owner: str
) -> dict[str, Any]:
    if target.inputs.get("engineName") != "kinesis":
        raise InputError(
            f"{owner}: the twin's capture writes to kinesis only, not {target.inputs.get('engineName')!r}."
        )
    kinesis = snake(target.inputs.get("kinesisSettings") or {})
    return {
        "task_id": id_,
        "resource_identifier": resource_identifier,
        "migration_type": inputs["migrationType"],
        "table_mappings": parsed(inputs, "tableMappings", owner),
        "settings": parsed(inputs, "replicationTaskSettings", owner),
        "source": _source(at, source),
        "target": {"stream_arn": kinesis.get("stream_arn"), "kinesis_settings": kinesis},
        "folder": str(at.folder_of("dms", id_)),
    }


def _source(at: Context, endpoint: Resource) -> dict[str, Any]:
    inputs, owner = endpoint.inputs, f"{endpoint.typ} {endpoint.name!r}"
    if inputs.get("engineName") not in SOURCES:
        raise InputError(f"{owner}: the twin's capture reads {sorted(SOURCES)}, not {inputs.get('engineName')!r}.")
    login: dict[str, Any] = {"username": inputs.get("username"), "password": inputs.get("password")}
    login |= {"host": inputs.get("serverName"), "port": inputs.get("port")}
    if inputs.get("secretsManagerArn"):
        # "Using secrets to access DMS endpoints": the role is assumed by the regional principal.
        role, service = inputs.get("secretsManagerAccessRoleArn"), f"dms.{at.region}.amazonaws.com"
        login = at.secret(text(inputs, "secretsManagerArn"), role, service, owner)
    missing = [member for member in SECRET_MEMBERS if not login.get(member)]
    if missing:
        raise ResourceError(
            f"{owner}: no {', '.join(missing)} in its secret: DMS wants exactly {', '.join(SECRET_MEMBERS)}."
        )
    return {
        **{member: login[member] for member in SECRET_MEMBERS},
        "port": int(login["port"]),
        "database": inputs.get("databaseName"),
        "ssl_mode": inputs.get("sslMode") or "none",
        "postgres_settings": snake(inputs.get("postgresSettings") or {}),
    }


def _allow_replication(at: Context, source: dict[str, Any], owner: str) -> None:
    """Do what membership in rds_replication does on RDS, where the attribute itself cannot be given.

    Raises:
        InputError: the cluster does not allow logical replication, or the user is not a member.
    """
    found = at.state.find(CLUSTER, lambda one: one.outputs.get("port") == source["port"])
    if not found:
        return  # a database of somebody else's
    cluster = found[-1]
    if not logical(at, cluster.inputs):
        raise InputError(
            f"{owner}: the cluster {cluster.name!r} does not allow logical replication: set rds.logical_replication "
            "to 1 in its cluster parameter group."
        )
    with _Superuser(at, cluster) as cursor:
        cursor.execute(
            "select exists (select from pg_roles where rolname = %(user)s and rolreplication) or exists ("
            "select from pg_auth_members join pg_roles member on member.oid = pg_auth_members.member "
            "join pg_roles granted on granted.oid = roleid "
            "where member.rolname = %(user)s and granted.rolname in ('rds_replication', 'rds_superuser'))",
            {"user": source["username"]},
        )
        allowed = cursor.fetchone()
        if not allowed or not allowed[0]:
            raise InputError(
                f"{owner}: the user {source['username']!r} may not replicate: `grant rds_replication to "
                f"{source['username']}` in a migration."
            )
        cursor.execute(sql.SQL("alter role {} replication").format(sql.Identifier(source["username"])))


class _Superuser:
    """A cursor of a cluster's superuser, whom RDS keeps for itself."""

    def __init__(self, at: Context, cluster: Resource, database: str = "postgres") -> None:
        made = server(at, cluster.id, cluster.inputs, cluster.outputs["port"])
        self._connection = psycopg2.connect(made.dsn(database))
        self._connection.autocommit = True

    def __enter__(self) -> Any:
        return self._connection.cursor()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _delete(at: Context, resource: Resource) -> None:
    at.stop(_process(resource.id))
    folder = at.folder_of("dms", resource.id)
    spec = folder / "spec.json"
    if spec.exists():
        _drop_slot(at, spec)
    shutil.rmtree(folder, ignore_errors=True)


def _drop_slot(at: Context, path: Path) -> None:
    """Drop the task's slot, which would otherwise keep the log from being freed for ever."""
    spec = read_spec(path)
    found = at.state.find(CLUSTER, lambda one: one.outputs.get("port") == spec.source.port)
    if not found or not at.supervisor.processes.get(f"postgres-{found[-1].id}"):
        return  # the slot went with its server
    with _Superuser(at, found[-1]) as cursor:
        cursor.execute(
            "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots "
            "where slot_name = %s and active_pid is not null",
            (spec.slot_name,),
        )
        cursor.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s",
            (spec.slot_name,),
        )


def _exists(at: Context, resource: Resource) -> bool:
    return not resource.inputs.get("startReplicationTask") or _process(resource.id) in at.supervisor.processes


def _process(id_: str) -> str:
    return f"capture-{id_}"


def parsed(inputs: Inputs, prop: str, owner: str) -> Any:
    """Parse a property that holds JSON; an absent one is an empty object.

    Raises:
        InputError: it is not JSON.
    """
    try:
        return json.loads(inputs.get(prop) or "{}")
    except ValueError as error:
        raise InputError(f"{owner}: {prop} is not JSON: {error}.") from error


def snake(settings: Inputs) -> dict[str, Any]:
    """Turn camelCase keys into snake_case, as the arguments of the Pulumi class are called."""
    return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower(): value for key, value in settings.items()}


def _owner(request: Request) -> str:
    return f"{request.typ} {request.name!r}"


KINDS = (
    Kind(
        typ=ENDPOINT,
        create=_endpoint, update=lambda at, _, request: _endpoint(at, request), check=_check_endpoint, coverage="kept",
        identity=frozenset({"endpointId"}), secret_outputs=frozenset({"password"}),
    ),
    Kind(
        typ=TASK,
        create=_create, update=lambda at, old, request: _run(at, request, old.id), delete=_delete, exists=_exists,
        check=_check, revives=True, identity=frozenset({"replicationTaskId"}), volatile=frozenset({"status"}),
        differs="From PostgreSQL to Kinesis; no control records, no validation, no metrics.",
    ),
)  # fmt: skip
