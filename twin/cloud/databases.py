"""Aurora PostgreSQL clusters: each is a PostgreSQL server on this machine.

The roles that RDS brings along (`rds_superuser`, `rds_replication`, `rds_iam`)
exist here too, and the master user is no superuser, so a migration that works
here does not lean on rights that it will not have there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2 import sql

from twin.cloud.attempt import attempt
from twin.cloud.context import Context, text
from twin.cloud.errors import InputError, ResourceError
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, Unknown, outputs
from twin.cloud.services import completing, create_or_adopt, gone_is_fine
from twin.servers.postgres import PostgresServer

PARAMETER_GROUP = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
CLUSTER = "aws:rds/cluster:Cluster"
ENGINE = "aurora-postgresql"
DEFAULT_MASTER = "postgres"
# The server's own superuser has the name that programs like to give to the master user.
RESERVED = {"postgres": "postgres_master"}

# Parameters of a cluster parameter group that mean the same to a server of one's own.
PASSED_ON = frozenset(
    {
        "autovacuum_naptime", "deadlock_timeout", "idle_in_transaction_session_timeout", "lock_timeout",
        "log_lock_waits", "log_min_duration_statement", "log_statement", "logical_decoding_work_mem",
        "max_connections", "max_replication_slots", "max_slot_wal_keep_size", "max_wal_senders",
        "statement_timeout", "timezone", "wal_sender_timeout", "work_mem",
    }
)  # fmt: skip
# What rds_superuser may do on Aurora and a plain role may be given ("rds_superuser role", Aurora user guide).
SUPERUSER_RIGHTS = ("pg_monitor", "pg_signal_backend", "pg_checkpoint", "pg_read_all_data", "pg_write_all_data")


def parameters(at: Context, group: str | None) -> dict[str, str]:
    """Give the parameters of a cluster parameter group by name; none for a group of AWS's own."""
    found = at.state.find(PARAMETER_GROUP, lambda resource: resource.outputs.get("name") == group)
    entries = found[-1].inputs.get("parameters") or [] if found else []
    return {str(entry["name"]): str(entry["value"]) for entry in entries}


def logical(at: Context, cluster: Inputs) -> bool:
    """Tell whether a cluster's parameters allow logical replication."""
    return parameters(at, cluster.get("dbClusterParameterGroupName")).get("rds.logical_replication") == "1"


def server(at: Context, identifier: str, inputs: Inputs, port: int | None = None) -> PostgresServer:
    """Describe the server of a cluster; it is not started here."""
    given = parameters(at, inputs.get("dbClusterParameterGroupName"))
    settings = {name: value for name, value in given.items() if name in PASSED_ON}
    settings["wal_level"] = "logical" if logical(at, inputs) else "replica"
    made = PostgresServer(at.folder_of("rds", identifier), port, settings)
    made.process.name = _process(identifier)
    return made


def _create(at: Context, request: Request) -> Made:
    identifier = text(request.inputs, "clusterIdentifier")
    process = _start(at, identifier, request.inputs, None)
    with completing(lambda: _cluster(at, request, process.port, None)):
        secret = _master(at, request, identifier, process)
    return _cluster(at, request, process.port, secret)


def _check(request: Request) -> Iterator[Problem]:
    inputs = request.inputs
    if inputs.get("engine") != ENGINE and not isinstance(inputs.get("engine"), Unknown):
        yield Problem("engine", f"engine is {inputs.get('engine')!r}; the twin runs {ENGINE} only.")
    if bool(inputs.get("manageMasterUserPassword")) == bool(_password(inputs)):
        yield Problem("masterPassword", "masterPassword: give either manageMasterUserPassword or a masterPassword.")
    if not inputs.get("skipFinalSnapshot") and not inputs.get("finalSnapshotIdentifier"):
        yield Problem(
            "skipFinalSnapshot",
            "skipFinalSnapshot: it could never be deleted: set skipFinalSnapshot, or a finalSnapshotIdentifier.",
        )


def _password(inputs: Inputs) -> str | None:
    value = inputs.get("masterPassword") or inputs.get("masterPasswordWo")
    return None if value is None else str(value)


def _start(at: Context, identifier: str, inputs: Inputs, port: int | None) -> PostgresServer:
    made = server(at, identifier, inputs, port)
    attempt().say("starting PostgreSQL")
    made.prepare()
    at.supervisor.add(made.process)
    return made


def _master(at: Context, request: Request, identifier: str, made: PostgresServer) -> str | None:
    """Make the master user and the database; give the ARN of the secret with its password, if RDS manages it."""
    user = master_user(request.inputs)
    arn, password = None, _password(request.inputs)
    if password is None:
        arn, password = _managed_secret(at, request, identifier, user)
    connection = psycopg2.connect(made.dsn())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in _role_statements(user, password):
                cursor.execute(statement)
            if name := request.inputs.get("databaseName"):
                cursor.execute("select 1 from pg_database where datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(
                        sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(user))
                    )
    except psycopg2.Error as error:
        raise ResourceError(f"{request.typ} {request.name!r}: PostgreSQL refused: {str(error).strip()}") from error
    finally:
        connection.close()
    return arn


def master_user(inputs: Inputs) -> str:
    """Name the master user on this machine."""
    name = str(inputs.get("masterUsername") or DEFAULT_MASTER)
    return RESERVED.get(name, name)


def _role_statements(user: str, password: str) -> list[sql.Composable]:
    make = "do $$ begin create role {0} {1}; exception when duplicate_object then null; end $$"
    role = sql.Identifier(user)
    return [
        *(
            sql.SQL(make).format(sql.Identifier(name), sql.SQL("nologin"))
            for name in ("rds_superuser", "rds_replication", "rds_iam", "rds_password")
        ),
        sql.SQL(make).format(role, sql.SQL("login createdb createrole")),
        sql.SQL("alter role {} password {}").format(role, sql.Literal(password)),
        *(sql.SQL("grant {} to rds_superuser").format(sql.Identifier(right)) for right in SUPERUSER_RIGHTS),
        *(
            sql.SQL("grant {} to {} with admin option").format(sql.Identifier(name), role)
            for name in ("rds_superuser", "rds_replication", "rds_iam", "rds_password")
        ),
    ]


def _managed_secret(at: Context, request: Request, identifier: str, user: str) -> tuple[str, str]:
    secrets = at.client("secretsmanager")
    name = f"rds!cluster-{request.hex(32)}"
    password = request_password()
    value = json.dumps({"username": user, "password": password})
    if not create_or_adopt(
        lambda: secrets.create_secret(
            Name=name, SecretString=value, Description=f"Master user of {identifier}, managed by RDS"
        )
    ):
        kept = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        password = str(kept["password"])
    return str(secrets.describe_secret(SecretId=name)["ARN"]), password


def request_password() -> str:
    """Draw a password as RDS does: 28 characters, some of them neither letters nor digits."""
    from twin.cloud.randomness import draw

    return draw({"length": 28, "overrideSpecial": "!#$%&*()-_=+[]{}<>:?", "minSpecial": 2}, CLUSTER)


def _cluster(at: Context, request: Request, port: int, secret: str | None) -> Made:
    inputs, identifier = request.inputs, text(request.inputs, "clusterIdentifier")
    managed = [{"secretArn": secret, "secretStatus": "active", "kmsKeyId": ""}] if secret else []
    computed = {
        "arn": at.arn("rds", f"cluster:{identifier}"),
        "endpoint": PostgresServer.host,
        "readerEndpoint": PostgresServer.host,
        "port": port,
        "clusterResourceId": f"cluster-{request.hex(26).upper()}",
        "engineVersionActual": str(inputs.get("engineVersion") or ""),
        "hostedZoneId": "Z2R2ITUGPM61AM",
        "masterUsername": master_user(inputs),
        "masterUserSecrets": managed,
        "databaseName": inputs.get("databaseName") or "",
        "clusterMembers": [],
    }
    return Made(identifier, outputs(at, inputs, **computed))


def _update(at: Context, old: Resource, request: Request) -> Made:
    now = server(at, old.id, request.inputs, old.outputs["port"])
    running = at.supervisor.processes.get(_process(old.id))
    if running is None or running.argv != now.process.argv:
        _start(at, old.id, request.inputs, old.outputs["port"])
    secret: Any = next((entry["secretArn"] for entry in old.outputs.get("masterUserSecrets") or []), None)
    if _password(request.inputs) != _password(old.inputs) or secret is None:
        secret = _master(at, request, old.id, now)
    return _cluster(at, request, old.outputs["port"], secret)


def _delete(at: Context, resource: Resource) -> None:
    if resource.inputs.get("deletionProtection"):
        raise InputError(f"{resource.typ} {resource.name!r} cannot be deleted: deletionProtection is on.")
    at.supervisor.remove(_process(resource.id))
    server(at, resource.id, resource.inputs, resource.outputs["port"]).remove()
    for managed in resource.outputs.get("masterUserSecrets") or []:
        with gone_is_fine():
            at.client("secretsmanager").delete_secret(SecretId=managed["secretArn"], ForceDeleteWithoutRecovery=True)


def _exists(at: Context, resource: Resource) -> bool:
    return _process(resource.id) in at.supervisor.processes


def _process(identifier: str) -> str:
    return f"postgres-{identifier}"


def _instance(at: Context, request: Request) -> Made:
    inputs, cluster = request.inputs, text(request.inputs, "clusterIdentifier")
    found = at.state.find(CLUSTER, lambda resource: resource.id == cluster)
    if not found:
        raise InputError(f"{request.typ} {request.name!r}: there is no cluster {cluster!r}.")
    identifier = text(inputs, "identifier")
    computed = {
        "arn": at.arn("rds", f"db:{identifier}"),
        "endpoint": found[-1].outputs["endpoint"],
        "port": found[-1].outputs["port"],
        "dbiResourceId": f"db-{request.hex(26).upper()}",
        "writer": True,
        "engineVersionActual": found[-1].outputs["engineVersionActual"],
    }
    return Made(identifier, outputs(at, inputs, **computed))


KINDS = (
    Kind(
        typ=CLUSTER,
        create=_create, update=_update, delete=_delete, exists=_exists, check=_check, revives=True,
        named_by="clusterIdentifier", name_limit=63,
        secret_outputs=frozenset({"masterPassword"}),
        differs="One PostgreSQL server without TLS and IAM logins; capacity, backups and replicas are recorded.",
    ),
    Kind(
        typ="aws:rds/clusterInstance:ClusterInstance",
        create=_instance, update=lambda at, _, request: _instance(at, request), coverage="kept",
        named_by="identifier", name_limit=63,
        differs="Another name of its cluster's one server.",
    ),
)  # fmt: skip
