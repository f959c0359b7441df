"""DMS tasks and pipes: their specifications, what is refused, and with whose rights they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.twin.cloud import ready
from tests.twin.cloud.documents import ACCOUNT, REGION
from twin.capture.spec import read_spec
from twin.cloud import Cloud, CloudError, InputError, UnsupportedTypeError, capture, pipes
from twin.emulator import Emulator
from twin.supervisor import Supervisor

PIPE, TASK, ENDPOINT = "aws:pipes/pipe:Pipe", "aws:dms/replicationTask:ReplicationTask", "aws:dms/endpoint:Endpoint"
MAPPINGS = json.dumps(
    {
        "rules": [
            {
                "rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
                "object-locator": {"schema-name": "public", "table-name": "outbox"},
            }
        ]
    }
)  # fmt: skip


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a process that only says that it is ready."""
    monkeypatch.setattr(pipes, "MODULE", ready.__name__)
    monkeypatch.setattr(capture, "MODULE", ready.__name__)


@pytest.fixture
def pipe(cloud: Cloud, role: dict[str, Any]) -> dict[str, Any]:
    """Right inputs of a pipe."""
    stream = {"startingPosition": "TRIM_HORIZON", "batchSize": 10, "maximumRetryAttempts": 3}
    return {
        "name": "events",
        "roleArn": role["arn"],
        "source": cloud.create("aws:kinesis/stream:Stream", "s", {"shardCount": 1}).outputs["arn"],
        "target": cloud.create("aws:sns/topic:Topic", "t", {}).outputs["arn"],
        "sourceParameters": {"kinesisStreamParameters": stream},
        "targetParameters": {"inputTemplate": '{"data": <$.data.data>}'},
    }


def test_a_pipe_runs_as_a_process_with_its_specification(
    cloud: Cloud, supervisor: Supervisor, pipe: dict[str, Any], emulator: Emulator, tmp_path: Path
) -> None:
    made = cloud.create(PIPE, "p", pipe)
    folder = tmp_path / "twin" / "pipe" / "events"
    spec = json.loads((folder / "spec.json").read_text())
    assert (folder / "spec.json").stat().st_mode & 0o077 == 0
    assert spec == {
        "name": "events", "source_arn": pipe["source"], "target_arn": pipe["target"],
        "source_parameters": pipe["sourceParameters"], "target_parameters": pipe["targetParameters"],
        "desired_state": "RUNNING", "aws": emulator.aws, "folder": str(folder),
    }  # fmt: skip
    assert made.outputs["arn"] == f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/events"
    pid = supervisor.processes["pipe-events"].pid
    cloud.create(PIPE, "p", pipe)
    assert supervisor.processes["pipe-events"].pid == pid
    cloud.create(PIPE, "p", {**pipe, "desiredState": "STOPPED"})
    assert supervisor.processes == {}
    for _ in range(2):
        cloud.delete(PIPE, made.id, made.outputs)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("sourceParameters.kinesisStreamParameters.batchSize", 11, "batchSize is 11; sns takes 10"),
        ("sourceParameters.kinesisStreamParameters.batchSize", None, r"batchSize is 100 \(the default\); sns takes 10"),
        ("sourceParameters.kinesisStreamParameters.startingPosition", None, "startingPosition is required"),
        ("sourceParameters.kinesisStreamParameters.maximumRetryAttempts", 10_001, "must be any to 10000|-1 to 10000"),
        ("source", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/nowhere", "nowhere does not exist"),
        ("target", f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere", "nowhere does not exist"),
        ("roleArn", f"arn:aws:iam::{ACCOUNT}:role/nobody", "is not a role of this stack"),
        ("targetParameters.inputTemplate", "x" * 8193, "8192"),
    ],
)
def test_a_pipe_that_aws_refuses_is_refused(
    cloud: Cloud, pipe: dict[str, Any], path: str, value: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cloud.create(PIPE, "p", _with(pipe, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [("source", f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"), ("enrichment", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")],
)
def test_a_pipe_that_the_twin_cannot_run_is_refused(cloud: Cloud, pipe: dict[str, Any], path: str, value: Any) -> None:
    with pytest.raises(UnsupportedTypeError, match="twin/pipe"):
        cloud.create(PIPE, "p", {**pipe, path: value})


def _with(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {**inputs, head: _with(inputs.get(head, {}), rest, value) if rest else value}


class Task:
    """A cluster with a table and a user, and a replication task on it."""

    def __init__(self, cloud: Cloud, role: dict[str, Any], emulator: Emulator, logical: str) -> None:
        self.cloud = cloud
        parameters = [{"name": "rds.logical_replication", "value": logical}]
        group = cloud.create(
            "aws:rds/clusterParameterGroup:ClusterParameterGroup", "g",
            {"family": "aurora-postgresql16", "parameters": parameters},
        ).outputs["name"]  # fmt: skip
        inputs = {
            "engine": "aurora-postgresql", "clusterIdentifier": "orders", "databaseName": "orders",
            "masterUsername": "master", "masterPassword": "master-secret", "skipFinalSnapshot": True,
            "dbClusterParameterGroupName": group,
        }  # fmt: skip
        self.cluster = cloud.create("aws:rds/cluster:Cluster", "c", inputs).outputs
        self.execute("create table outbox (id uuid primary key); create role cdc login password 'cdc-secret'")
        self.secret = cloud.create("aws:secretsmanager/secret:Secret", "s", {}).id
        login = {"username": "cdc", "password": "cdc-secret", "host": "127.0.0.1", "port": self.cluster["port"]}
        emulator.client("secretsmanager").put_secret_value(SecretId=self.secret, SecretString=json.dumps(login))
        stream = cloud.create("aws:kinesis/stream:Stream", "s", {"shardCount": 1}).outputs["arn"]
        source = {
            "endpointId": "source", "endpointType": "source", "engineName": "aurora-postgresql",
            "databaseName": "orders", "secretsManagerArn": self.secret, "secretsManagerAccessRoleArn": role["arn"],
            "postgresSettings": {"pluginName": "test-decoding", "captureDdls": False, "heartbeatEnable": True},
        }  # fmt: skip
        kinesis = {"streamArn": stream, "serviceAccessRoleArn": role["arn"], "messageFormat": "json"}
        target = {"endpointId": "target", "endpointType": "target", "engineName": "kinesis", "kinesisSettings": kinesis}
        instance = {"replicationInstanceId": "dms", "replicationInstanceClass": "dms.t3.micro"}
        made = cloud.create("aws:dms/replicationInstance:ReplicationInstance", "i", instance)
        self.inputs = {
            "replicationTaskId": "outbox", "resourceIdentifier": "outbox", "migrationType": "full-load-and-cdc",
            "replicationInstanceArn": made.outputs["replicationInstanceArn"],
            "sourceEndpointArn": cloud.create(ENDPOINT, "source", source).outputs["endpointArn"],
            "targetEndpointArn": cloud.create(ENDPOINT, "target", target).outputs["endpointArn"],
            "tableMappings": MAPPINGS, "startReplicationTask": True,
        }  # fmt: skip

    def execute(self, statement: str, *, user: str = "master", password: str = "master-secret") -> Any:
        """Execute a statement and give its rows."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.cluster["port"], dbname="orders", user=user, password=password
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def test_a_task_runs_as_a_process_and_takes_its_slot_along(
    cloud: Cloud, supervisor: Supervisor, role: dict[str, Any], emulator: Emulator, tmp_path: Path
) -> None:
    task = Task(cloud, role, emulator, "1")
    with pytest.raises(InputError, match="grant rds_replication to cdc"):
        cloud.create(TASK, "t", task.inputs)
    task.execute("grant rds_replication to cdc")
    made = cloud.create(TASK, "t", task.inputs)
    spec = json.loads((tmp_path / "twin" / "dms" / "outbox" / "spec.json").read_text())
    assert spec["source"]["host"] == "127.0.0.1"
    assert spec["source"]["postgres_settings"]["capture_ddls"] is False
    assert spec["target"]["kinesis_settings"]["message_format"] == "json"
    assert spec["table_mappings"] == json.loads(MAPPINGS)
    assert "capture-outbox" in supervisor.processes

    slot = read_spec(tmp_path / "twin" / "dms" / "outbox" / "spec.json").slot_name
    login = {"user": "cdc", "password": "cdc-secret"}
    task.execute(f"select pg_create_logical_replication_slot('{slot}', 'test_decoding')", **login)
    for _ in range(2):
        cloud.delete(TASK, made.id, made.outputs)
    assert task.execute("select slot_name from pg_replication_slots") == []
    assert "capture-outbox" not in supervisor.processes


def test_a_task_that_is_not_started_does_not_run(
    cloud: Cloud, supervisor: Supervisor, role: dict[str, Any], emulator: Emulator
) -> None:
    task = Task(cloud, role, emulator, "1")
    made = cloud.create(TASK, "t", {**task.inputs, "startReplicationTask": False})
    assert made.outputs["status"] == "ready"
    assert "capture-outbox" not in supervisor.processes


@pytest.mark.parametrize(
    ("logical", "change", "said"),
    [
        ("0", {}, "set rds.logical_replication to 1"),
        ("1", {"tableMappings": "{"}, "tableMappings is not JSON"),
        ("1", {"replicationInstanceArn": "arn:nowhere"}, "no replication instance arn:nowhere"),
        ("1", {"targetEndpointArn": "arn:nowhere"}, "no endpoint arn:nowhere"),
        ("1", {"migrationType": "sometimes"}, "one of full-load, cdc, full-load-and-cdc"),
        ("1", {"replicationTaskSettings": '{"TargetMetadata": {"BatchApplyEnabled": true}}'}, "(?i)batch"),
    ],
)
def test_a_task_that_dms_refuses_is_refused(
    cloud: Cloud, role: dict[str, Any], emulator: Emulator, logical: str, change: dict[str, Any], said: str
) -> None:
    task = Task(cloud, role, emulator, logical)
    with pytest.raises(CloudError, match=said):
        cloud.create(TASK, "t", {**task.inputs, **change})


def test_a_secret_without_the_members_that_dms_wants_is_refused(
    cloud: Cloud, role: dict[str, Any], emulator: Emulator
) -> None:
    task = Task(cloud, role, emulator, "1")
    emulator.client("secretsmanager").put_secret_value(SecretId=task.secret, SecretString='{"username": "cdc"}')
    with pytest.raises(CloudError, match="no password, host, port in its secret"):
        cloud.create(TASK, "t", task.inputs)
