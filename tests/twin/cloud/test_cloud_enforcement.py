"""Enforcement of policies: a process of the twin has the rights of its role, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.twin.cloud import ready
from tests.twin.cloud.documents import ACCOUNT, REGION, allow, trust
from twin.cloud import Cloud, CloudError, pipes, services, sessions
from twin.emulator import Emulator
from twin.supervisor import Supervisor

PIPE = "aws:pipes/pipe:Pipe"


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a process that only says that it is ready."""
    monkeypatch.setattr(pipes, "MODULE", ready.__name__)


@pytest.fixture
def enforcing(tmp_path: Path, supervisor: Supervisor) -> Iterator[tuple[Cloud, Emulator]]:
    """A cloud on an emulator that enforces policies."""
    emulator = Emulator(tmp_path / "emulator", account=ACCOUNT, region=REGION, enforce_iam=True)
    emulator.start()
    folder = tmp_path / "twin"
    cloud = Cloud(folder, supervisor, region=REGION, account=ACCOUNT, emulator=emulator, enforce_iam=True)
    yield cloud, emulator
    cloud.prune(set())
    cloud.close()
    emulator.stop()


def test_with_enforcement_a_process_has_the_rights_of_its_role_only(
    enforcing: tuple[Cloud, Emulator], tmp_path: Path
) -> None:
    cloud, _ = enforcing
    role = cloud.create("aws:iam/role:Role", "r", {"assumeRolePolicy": trust("pipes.amazonaws.com")})
    cloud.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": role.id, "policy": allow("kinesis:DescribeStream*")})
    stream = cloud.create("aws:kinesis/stream:Stream", "s", {"shardCount": 1})
    topic = cloud.create("aws:sns/topic:Topic", "t", {})
    parameters = {"kinesisStreamParameters": {"startingPosition": "TRIM_HORIZON", "batchSize": 10}}
    inputs = {
        "name": "events", "roleArn": role.outputs["arn"], "source": stream.id, "target": topic.id,
        "sourceParameters": parameters,
    }  # fmt: skip
    cloud.create(PIPE, "p", inputs)
    aws = json.loads((tmp_path / "twin" / "pipe" / "events" / "spec.json").read_text())["aws"]
    keys = {
        "aws_access_key_id": aws["access_key_id"],
        "aws_secret_access_key": aws["secret_access_key"],
        "aws_session_token": aws["session_token"],
    }
    place = {"endpoint_url": aws["endpoint_url"], "region_name": REGION}
    boto3.client("kinesis", **place, **keys).describe_stream_summary(StreamARN=stream.id)
    with pytest.raises(ClientError, match="not authorized"):
        boto3.client("sns", **place, **keys).publish(TopicArn=topic.id, Message="x")


def test_a_session_is_renewed_before_it_ends(
    enforcing: tuple[Cloud, Emulator], supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, _ = enforcing
    role = cloud.create("aws:iam/role:Role", "r", {"assumeRolePolicy": trust("pipes.amazonaws.com")})
    stream = cloud.create("aws:kinesis/stream:Stream", "s", {"shardCount": 1})
    topic = cloud.create("aws:sns/topic:Topic", "t", {})
    parameters = {"kinesisStreamParameters": {"startingPosition": "TRIM_HORIZON", "batchSize": 10}}
    inputs = {
        "name": "events", "roleArn": role.outputs["arn"], "source": stream.id, "target": topic.id,
        "sourceParameters": parameters,
    }  # fmt: skip
    monkeypatch.setattr(sessions, "RENEW_AFTER_S", 0.5)
    cloud.create(PIPE, "p", inputs)
    path = tmp_path / "twin" / "pipe" / "events" / "spec.json"
    first, pid = json.loads(path.read_text()), supervisor.processes["pipe-events"].pid
    monkeypatch.setattr(sessions, "RENEW_AFTER_S", 3600)

    def renewed() -> bool:
        running = supervisor.processes["pipe-events"].pid
        return json.loads(path.read_text()) != first and running not in (None, pid)

    services.wait_for("The new session", renewed)
    second = json.loads(path.read_text())
    assert second["aws"]["access_key_id"] != first["aws"]["access_key_id"]
    assert {**second, "aws": None} == {**first, "aws": None}


def test_with_enforcement_a_role_must_trust_the_service(enforcing: tuple[Cloud, Emulator]) -> None:
    cloud, _ = enforcing
    role = cloud.create("aws:iam/role:Role", "r", {"assumeRolePolicy": trust("lambda.amazonaws.com")})
    stream = cloud.create("aws:kinesis/stream:Stream", "s", {"shardCount": 1})
    topic = cloud.create("aws:sns/topic:Topic", "t", {})
    parameters = {"kinesisStreamParameters": {"startingPosition": "TRIM_HORIZON", "batchSize": 10}}
    inputs = {"roleArn": role.outputs["arn"], "source": stream.id, "target": topic.id, "sourceParameters": parameters}
    with pytest.raises(CloudError, match=r"does not let pipes\.amazonaws\.com assume"):
        cloud.create(PIPE, "p", inputs)
