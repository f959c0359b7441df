"""The emulator keeps to its folder and its port, and takes its Lambda workers with it."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.twin.emulator.functions import make_function, make_role, wait_until
from twin.aws_clients import client_maker, queue_url
from twin.emulator import Emulator, EmulatorError
from twin.emulator.environment import emulator_environment
from twin.emulator.gateway import trusts_service
from twin.errors import ProcessError

PIDS = "import os\n\ndef handle(event, context):\n    return os.getpid()\n"
HANGING = """
import os, pathlib, time

def handle(event, context):
    pathlib.Path(event["file"]).write_text(str(os.getpid()))
    while True:
        time.sleep(1)
"""


@pytest.fixture
def make_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Makes emulators that are gone after the test."""
    made: list[Emulator] = []

    def make(**options: Any) -> Emulator:
        made.append(Emulator(tmp_path / str(len(made)), **options))
        made[-1].start()
        return made[-1]

    yield make
    for emulator in made:
        emulator.stop()


def invoke(emulator: Emulator, function: str, event: Any = None) -> Any:
    answer = emulator.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def invoke_hanging(emulator: Emulator, file: Path) -> int:
    """Invoke a function that never ends, on a thread that is let go; gives the worker's process id."""
    function = make_function(emulator, HANGING, timeout_s=600)

    def call() -> None:
        try:
            invoke(emulator, function, {"file": str(file)})
        except (BotoCoreError, ClientError):
            return  # the emulator has ended, as it should

    threading.Thread(target=call, daemon=True).start()
    return int(wait_until(lambda: file.exists() and file.read_text(), "the handler's start"))


def test_listens_on_its_port_on_loopback_only(emulator: Emulator) -> None:
    emulator.client("kinesis").list_streams()
    process = psutil.Process(emulator.process.pid)
    listening = [
        tuple(connection.laddr)
        for one in (process, *process.children(recursive=True))
        for connection in one.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", emulator.port)]


def test_writes_below_its_folder_only(make_emulator: Callable[..., Emulator]) -> None:
    shared = Path(tempfile.gettempdir())
    before = {path.name for path in shared.iterdir() if "ministack" in path.name}
    emulator = make_emulator()
    emulator.client("s3").create_bucket(Bucket="bucket")
    invoke(emulator, make_function(emulator, PIDS))
    worker = psutil.Process(emulator.process.pid).children()[0]
    assert str(emulator.folder) in worker.cmdline()[-1]
    assert worker.environ()["TMPDIR"].startswith(str(emulator.folder))
    emulator.stop()
    assert {path.name for path in shared.iterdir() if "ministack" in path.name} == before


def test_workers_do_not_see_the_environment_of_the_user(
    make_emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    emulator = make_emulator()
    function = make_function(emulator, "import os\n\ndef handle(event, context):\n    return dict(os.environ)\n")
    environment = invoke(emulator, function)
    assert not {"AWS_PROFILE", "HTTPS_PROXY", "TWIN_ADMIN_SECRET", "PYTHONPATH"} & set(environment)
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_hanging_worker_ends_with_the_emulator(
    make_emulator: Callable[..., Emulator], tmp_path: Path, end: str
) -> None:
    emulator = make_emulator()
    pid = invoke_hanging(emulator, tmp_path / "pid")
    getattr(emulator, end)()
    wait_until(lambda: not psutil.pid_exists(pid), "the end of the worker", 10)


def test_a_worker_outlives_its_first_invocation(emulator: Emulator) -> None:
    function = make_function(emulator, PIDS)
    assert invoke(emulator, function) == invoke(emulator, function)


def test_its_state_survives_a_stop_even_with_a_hanging_handler(
    make_emulator: Callable[..., Emulator], tmp_path: Path
) -> None:
    emulator = make_emulator()
    kinesis, sqs = emulator.client("kinesis"), emulator.client("sqs")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    kinesis.put_record(StreamName="stream", Data=b"record", PartitionKey="1")
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="message")
    topic = emulator.client("sns").create_topic(Name="topic")["TopicArn"]
    secret = emulator.client("secretsmanager").create_secret(Name="secret", SecretString="value")["ARN"]
    function = make_function(emulator, PIDS)
    invoke_hanging(emulator, tmp_path / "pid")
    emulator.restart()
    shard = kinesis.list_shards(StreamName="stream")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="stream", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record["Data"] for record in records] == [b"record"]
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["message"]
    assert [found["TopicArn"] for found in emulator.client("sns").list_topics()["Topics"]] == [topic]
    assert emulator.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "value"
    assert isinstance(invoke(emulator, function), int)


def test_a_second_emulator_on_the_port_says_so(emulator: Emulator, tmp_path: Path) -> None:
    second = Emulator(tmp_path, port=emulator.port)
    with pytest.raises(ProcessError, match=r"(?s)emulator ended.*Port .* is taken"):
        second.start()
    assert emulator.client("sqs").list_queues()


def test_an_account_has_twelve_digits(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="12 digits"):
        emulator_environment(tmp_path, 1, "secret", account="1234")


def test_policies_are_enforced_on_roles(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(enforce_iam=True)
    secret = emulator.client("secretsmanager").create_secret(Name="s", SecretString="value")["ARN"]
    source = """
import boto3

def handle(event, context):
    return boto3.client("secretsmanager").get_secret_value(SecretId=event)["SecretString"]
"""
    allowed = make_role(
        emulator,
        "lambda.amazonaws.com",
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret},
    )
    assert invoke(emulator, make_function(emulator, source, role=allowed), secret) == "value"
    refused = invoke(emulator, make_function(emulator, source), secret)
    assert "not authorized" in refused["errorMessage"]


def test_a_service_assumes_only_a_role_that_trusts_it(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(enforce_iam=True)
    topic = emulator.client("sns").create_topic(Name="topic")["TopicArn"]
    other = emulator.client("sns").create_topic(Name="other")["TopicArn"]
    role = make_role(emulator, "pipes.amazonaws.com", {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic})
    with pytest.raises(EmulatorError, match="does not let"):
        emulator.role_aws(role, "lambda.amazonaws.com")
    with pytest.raises(EmulatorError, match="does not exist"):
        emulator.role_aws(role + "x", "pipes.amazonaws.com")
    aws = emulator.role_aws(role, "pipes.amazonaws.com")
    sns = client_maker(aws)("sns")
    # On AWS a batch is authorized by sns:Publish.
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])
    assert len(answer["Successful"]) == 1
    with pytest.raises(ClientError, match="not authorized"):
        sns.publish(TopicArn=other, Message="m")


def test_a_batch_is_authorized_by_the_action_on_one_message(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(enforce_iam=True)
    emulator.client("sqs").create_queue(QueueName="queue")
    arn = f"arn:aws:sqs:{emulator.region}:{emulator.account}:queue"
    actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    role = make_role(emulator, "pipes.amazonaws.com", {"Effect": "Allow", "Action": actions, "Resource": arn})
    sqs = client_maker(emulator.role_aws(role, "pipes.amazonaws.com"))("sqs")
    url = queue_url(emulator.endpoint, arn)
    assert sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m"}])["Successful"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    entry = {"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}
    assert sqs.delete_message_batch(QueueUrl=url, Entries=[entry])["Successful"]
    with pytest.raises(ClientError, match="not authorized"):
        sqs.purge_queue(QueueUrl=url)


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([{"Effect": "Allow", "Principal": {"Service": "a.com"}, "Action": "sts:AssumeRole"}], True),
        ([{"Effect": "Allow", "Principal": {"Service": ["b.com", "a.com"]}, "Action": ["sts:AssumeRole"]}], True),
        ([{"Effect": "Allow", "Principal": {"Service": "b.com"}, "Action": "sts:AssumeRole"}], False),
        ([{"Effect": "Allow", "Principal": {"AWS": "a.com"}, "Action": "sts:AssumeRole"}], False),
        ([{"Effect": "Allow", "Principal": {"Service": "a.com"}, "Action": "sts:TagSession"}], False),
        (
            [
                {"Effect": "Allow", "Principal": {"Service": "a.com"}, "Action": "sts:AssumeRole"},
                {"Effect": "Deny", "Principal": {"Service": "a.com"}, "Action": "sts:AssumeRole"},
            ],
            False,
        ),
        ([], False),
    ],
)
def test_trust_policies(statements: list[dict[str, Any]], trusted: bool) -> None:
    assert trusts_service(json.dumps({"Statement": statements}), "a.com") is trusted
