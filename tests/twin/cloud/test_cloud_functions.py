"""Functions: run from their zip, changed in place, invoked for real, mapped to queues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.twin.cloud import ready
from tests.twin.cloud.conftest import Archive
from tests.twin.cloud.documents import ACCOUNT, REGION, RUNTIME, allow
from twin.cloud import Cloud, InputError, ResourceError, UnsupportedTypeError, mappings
from twin.cloud.assets import real
from twin.emulator import Emulator
from twin.supervisor import Supervisor

FUNCTION, INVOCATION = "aws:lambda/function:Function", "aws:lambda/invocation:Invocation"
PERMISSION, MAPPING = "aws:lambda/permission:Permission", "aws:lambda/eventSourceMapping:EventSourceMapping"
ECHO = "import os\ndef handle(event, context):\n    return {'event': event, 'greeting': os.environ.get('GREETING')}\n"
FAILS = "def handle(event, context):\n    raise ValueError('the table is missing')\n"


def _inputs(role: dict[str, Any], path: Path, **more: Any) -> dict[str, Any]:
    code = pulumi.FileArchive(str(path))
    return {"role": role["arn"], "code": code, "handler": "handler.handle", "runtime": RUNTIME, **more}


def _answer(emulator: Emulator, name: str) -> Any:
    return json.loads(emulator.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"].read())


def test_a_function_runs_from_its_zip_with_its_environment(
    cloud: Cloud, emulator: Emulator, role: dict[str, Any], archive: Archive
) -> None:
    environment = {"variables": {"GREETING": "hello"}}
    made = cloud.create(FUNCTION, "f", _inputs(role, archive(ECHO), environment=environment))
    cloud.create(INVOCATION, "i", {"functionName": made.id, "input": '{"a": 1}'})
    assert _answer(emulator, made.id)["greeting"] == "hello"
    assert made.outputs["arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made.id}"
    assert made.outputs["invokeArn"].endswith(f"/functions/{made.outputs['arn']}/invocations")
    assert isinstance(real(made.outputs)["code"], pulumi.FileArchive)


def test_new_code_and_new_configuration_are_taken_in_place(
    cloud: Cloud, emulator: Emulator, role: dict[str, Any], archive: Archive
) -> None:
    made = cloud.create(FUNCTION, "f", _inputs(role, archive(ECHO)))
    cloud.create(INVOCATION, "i", {"functionName": made.id, "input": "{}"})
    inputs = _inputs(role, archive("def handle(event, context):\n    return 'new'\n"), timeout=7)
    changed = cloud.create(FUNCTION, "f", inputs)
    assert changed.id == made.id
    assert changed.outputs["codeSha256"] != made.outputs["codeSha256"]
    assert _answer(emulator, made.id) == "new"
    assert emulator.client("lambda").get_function_configuration(FunctionName=made.id)["Timeout"] == 7


def test_a_runtime_of_another_python_is_refused(cloud: Cloud, role: dict[str, Any], archive: Archive) -> None:
    with pytest.raises(InputError, match=r"runtime is 'python3\.9'.*this twin runs on"):
        cloud.create(FUNCTION, "f", {**_inputs(role, archive(ECHO)), "runtime": "python3.9"})


def test_an_invocation_that_fails_tells_the_functions_own_message(
    cloud: Cloud, role: dict[str, Any], archive: Archive
) -> None:
    made = cloud.create(FUNCTION, "f", _inputs(role, archive(FAILS)))
    with pytest.raises(
        ResourceError, match=rf"{INVOCATION} 'run': the function {made.id} failed: the table is missing"
    ):
        cloud.create(INVOCATION, "run", {"functionName": made.id, "input": "{}"})


def test_an_invocation_happens_once_until_its_input_changes(
    cloud: Cloud, role: dict[str, Any], archive: Archive, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    source = f"def handle(event, context):\n    with open({str(count)!r}, 'a') as file:\n        file.write('x')\n"
    made = cloud.create(FUNCTION, "f", _inputs(role, archive(source)))
    for event in ('{"n": 1}', '{"n": 1}', '{"n": 2}'):
        cloud.create(INVOCATION, "run", {"functionName": made.id, "input": event})
    assert count.read_text() == "xx"


def test_an_invocation_with_a_lifecycle_is_told_of_it(cloud: Cloud, role: dict[str, Any], archive: Archive) -> None:
    made = cloud.create(FUNCTION, "f", _inputs(role, archive(ECHO)))
    inputs = {"functionName": made.id, "input": '{"n": 1}', "lifecycleScope": "CRUD"}
    created = json.loads(cloud.create(INVOCATION, "run", inputs).outputs["result"])
    updated = json.loads(cloud.create(INVOCATION, "run", {**inputs, "input": '{"n": 2}'}).outputs["result"])
    assert created["event"]["tf"] == {"action": "create", "prev_input": None}
    assert updated["event"]["tf"] == {"action": "update", "prev_input": {"n": 1}}


def test_two_functions_may_have_permissions_of_one_name(
    cloud: Cloud, emulator: Emulator, role: dict[str, Any], archive: Archive
) -> None:
    first = cloud.create(FUNCTION, "f", _inputs(role, archive(ECHO)))
    second = cloud.create(FUNCTION, "g", _inputs(role, archive(ECHO)))
    inputs = {"statementId": "api", "action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com"}
    permission = cloud.create(PERMISSION, "first", {**inputs, "function": first.id})
    cloud.create(PERMISSION, "second", {**inputs, "function": second.id})
    cloud.delete(PERMISSION, permission.id, permission.outputs, urn="first")
    assert "api" in emulator.client("lambda").get_policy(FunctionName=second.id)["Policy"]
    assert "api" not in json.dumps(_policy(emulator, first.id))


def _policy(emulator: Emulator, name: str) -> Any:
    functions = emulator.client("lambda")
    try:
        return json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    except functions.exceptions.ResourceNotFoundException:
        return []


@pytest.fixture
def mapping(cloud: Cloud, role: dict[str, Any], archive: Archive, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Right inputs of an event source mapping whose process is a stand-in."""
    monkeypatch.setattr(mappings, "MODULE", ready.__name__)
    rights = {"role": role["name"], "policy": allow(*mappings.NEEDED)}
    cloud.create("aws:iam/rolePolicy:RolePolicy", "queue", rights)
    function = cloud.create(FUNCTION, "f", _inputs(role, archive(ECHO), timeout=10))
    queue = cloud.create("aws:sqs/queue:Queue", "q", {"visibilityTimeoutSeconds": 60})
    return {
        "eventSourceArn": queue.outputs["arn"], "functionName": function.outputs["arn"], "batchSize": 5,
        "functionResponseTypes": ["ReportBatchItemFailures"], "scalingConfig": {"maximumConcurrency": 4},
        "filterCriteria": {"filters": [{"pattern": '{"body": {}}'}]},
    }  # fmt: skip


def test_a_mapping_runs_as_a_process_with_its_specification(
    cloud: Cloud, supervisor: Supervisor, mapping: dict[str, Any], emulator: Emulator, tmp_path: Path
) -> None:
    made = cloud.create(MAPPING, "m", mapping)
    (name,) = supervisor.processes
    folder = tmp_path / "twin" / "event-source" / made.id
    spec = json.loads((folder / "spec.json").read_text())
    assert spec.pop("aws") == emulator.aws
    assert spec == {
        "uuid": made.id, "event_source_arn": mapping["eventSourceArn"],
        "function_name": mapping["functionName"].rsplit(":", 1)[-1], "batch_size": 5,
        "maximum_batching_window_in_seconds": 0, "function_response_types": ["ReportBatchItemFailures"],
        "scaling_config": {"maximum_concurrency": 4}, "filter_criteria": {"filters": [{"pattern": '{"body": {}}'}]},
        "folder": str(folder),
    }  # fmt: skip
    pid = supervisor.processes[name].pid
    assert cloud.create(MAPPING, "m", mapping) == made
    assert supervisor.processes[name].pid == pid
    cloud.create(MAPPING, "m", {**mapping, "batchSize": 6})
    assert supervisor.processes[name].pid != pid
    cloud.create(MAPPING, "m", {**mapping, "enabled": False})
    assert supervisor.processes == {}
    cloud.delete(MAPPING, made.id, made.outputs)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batchSize": 11}, "batchSize 11 needs maximumBatchingWindowInSeconds"),
        ({"eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:nowhere"}, "nowhere does not exist"),
        ({"functionName": "nobody"}, "the function nobody does not exist"),
        ({"scalingConfig": {"maximumConcurrency": 1}}, "maximumConcurrency is 1"),
        ({"functionResponseTypes": ["All"]}, "one of ReportBatchItemFailures"),
    ],
)
def test_a_mapping_that_aws_refuses_is_refused(
    cloud: Cloud, mapping: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cloud.create(MAPPING, "m", {**mapping, **change})


def test_a_queue_that_shows_messages_again_too_early_is_refused(cloud: Cloud, mapping: dict[str, Any]) -> None:
    cloud.create("aws:sqs/queue:Queue", "q", {"visibilityTimeoutSeconds": 9})
    with pytest.raises(InputError, match="visibilityTimeoutSeconds is 9, less than the function's timeout of 10"):
        cloud.create(MAPPING, "m", mapping)


def test_a_role_that_may_not_read_the_queue_is_refused(
    cloud: Cloud, mapping: dict[str, Any], role: dict[str, Any]
) -> None:
    rights = {"role": role["name"], "policy": allow("sqs:ReceiveMessage", "sqs:GetQueueAttributes")}
    cloud.create("aws:iam/rolePolicy:RolePolicy", "queue", rights)
    with pytest.raises(InputError, match="is not allowed sqs:DeleteMessage on"):
        cloud.create(MAPPING, "m", mapping)


def test_another_source_than_sqs_is_refused(cloud: Cloud, mapping: dict[str, Any]) -> None:
    source = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t/stream/1"
    with pytest.raises(UnsupportedTypeError, match="twin/event_source"):
        cloud.create(MAPPING, "m", {**mapping, "eventSourceArn": source})
