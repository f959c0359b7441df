"""The plugin's methods, one by one, as the engine calls them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import status_pb2

from tests.twin.plugin.engines import Caller, Engine
from tests.twin.plugin.kept import REGION, Kept
from tests.twin.waiting import until
from twin.cloud import sqs
from twin.cloud.attempt import attempt
from twin.cloud.errors import IncompleteError
from twin.cloud.functions import HOST_RUNTIME
from twin.cloud.kind import Made
from twin.cloud.services import wait_for
from twin.plugin.package import AWS
from twin.plugin.provider import Provider
from twin.plugin.session import Session

QUEUE, PIPE, FUNCTION = "aws:sqs/queue:Queue", "aws:pipes/pipe:Pipe", "aws:lambda/function:Function"
UNKNOWN, SIGNATURE = rpc.UNKNOWN, rpc._special_sig_key
SEED = "c2VlZA=="


def urn(typ: str, name: str = "n") -> str:
    return f"urn:pulumi:s::p::{typ}::{name}"


def about(typ: str, name: str = "n", **more: Any) -> dict[str, Any]:
    return {"urn": urn(typ, name), "type": typ, "name": name, **more}


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: rpc._special_secret_sig, "value": value}


def asset(**content: Any) -> dict[str, Any]:
    return {SIGNATURE: rpc._special_archive_sig, **content}


def create(aws: Caller, typ: str, properties: dict[str, Any], name: str = "n", **more: Any) -> dict[str, Any]:
    checked = aws.call("Check", about(typ, name, news=properties, randomSeed=SEED))
    assert "failures" not in checked, checked["failures"]
    return aws.call("Create", about(typ, name, properties=checked["inputs"], **more))


def diff(aws: Caller, typ: str, old: dict[str, Any], new: dict[str, Any], id_: str = "i") -> dict[str, Any]:
    return aws.call("Diff", about(typ, id=id_, oldInputs=old, olds=old, news=new))


# Check


def test_what_aws_would_refuse_is_a_failure_at_its_property(aws: Caller) -> None:
    pipe = {
        "source": UNKNOWN, "target": f"arn:aws:sns:{REGION}:123456789012:t", "roleArn": UNKNOWN,
        "sourceParameters": {"kinesisStreamParameters": {"startingPosition": "LATEST", "batchSize": 11.0}},
    }  # fmt: skip
    failures = aws.call("Check", about(PIPE, news=pipe, randomSeed=SEED))["failures"]
    path = "sourceParameters.kinesisStreamParameters.batchSize"
    assert [failure["property"] for failure in failures] == [path]
    assert "sns takes 10 at most" in failures[0]["reason"]


def test_a_type_that_the_twin_does_not_know_is_a_failure_with_what_to_do(aws: Caller) -> None:
    failures = aws.call("Check", about("aws:athena/workgroup:Workgroup", news={}, randomSeed=SEED))["failures"]
    assert "twin/cloud/registry.py" in failures[0]["reason"]


def test_an_automatic_name_stays_until_the_resource_is_replaced(aws: Caller) -> None:
    first = aws.call("Check", about(QUEUE, news={}, randomSeed=SEED))["inputs"]
    assert first["name"].startswith("n-")
    assert first["__defaults"] == ["name"]
    again = aws.call("Check", about(QUEUE, news={}, olds=first, randomSeed="b3RoZXI="))["inputs"]
    assert again == first
    replaced = aws.call("Check", about(QUEUE, news={}, randomSeed="b3RoZXI="))["inputs"]
    assert replaced["name"] != first["name"]
    own = aws.call("Check", about(QUEUE, news={"name": "own"}, olds=first, randomSeed=SEED))["inputs"]
    assert (own["name"], own["__defaults"]) == ("own", [])
    # The program named it before, and no longer does: that is another queue.
    unnamed = aws.call("Check", about(QUEUE, news={}, olds=own, randomSeed=SEED))["inputs"]
    assert unnamed["name"] == first["name"]


def test_the_stacks_rule_for_names_is_followed(aws: Caller) -> None:
    rule = {"proposedName": "exactly", "mode": "ENFORCE"}
    assert aws.call("Check", about(QUEUE, news={}, autonaming=rule))["inputs"]["name"] == "exactly"
    failures = aws.call("Check", about(QUEUE, news={}, autonaming={"mode": "DISABLE"}))["failures"]
    assert [failure["property"] for failure in failures] == ["name"]


def test_secrets_and_unknowns_come_through_a_check(aws: Caller) -> None:
    tags = {"a": secret("s"), "b": "c"}
    inputs = aws.call("Check", about(QUEUE, news={"policy": UNKNOWN, "tags": tags}, randomSeed=SEED))["inputs"]
    assert inputs["policy"] == UNKNOWN
    assert inputs["tags"] == tags
    assert inputs["tagsAll"] == {**tags, "team": "a"}
    assert inputs["region"] == REGION


def test_what_is_not_known_yet_is_not_held_against_the_rules(aws: Caller) -> None:
    news = {"role": UNKNOWN, "runtime": UNKNOWN, "handler": "h.h", "code": asset(path=".", hash="1")}
    answer = aws.call("Check", about(FUNCTION, news=news, randomSeed=SEED))
    assert "failures" not in answer
    assert (answer["inputs"]["role"], answer["inputs"]["runtime"]) == (UNKNOWN, UNKNOWN)


# Diff


def test_a_difference_is_told_property_by_property(aws: Caller) -> None:
    old = {"name": "q", "delaySeconds": 1.0, "tags": {"a": "1", "b.c": "2"}, "policy": "{}"}
    new = {"name": "q", "delaySeconds": 2.0, "tags": {"b.c": "3"}, "redrivePolicy": UNKNOWN}
    answer = diff(aws, QUEUE, old, new)
    assert answer["changes"] == "DIFF_SOME"
    assert answer["hasDetailedDiff"]
    kinds = {path: change.get("kind", "ADD") for path, change in answer["detailedDiff"].items()}
    assert kinds == {
        "delaySeconds": "UPDATE", "tags.a": "DELETE", 'tags["b.c"]': "UPDATE", "policy": "DELETE",
        "redrivePolicy": "ADD",
    }  # fmt: skip
    assert all(change["inputDiff"] for change in answer["detailedDiff"].values())
    assert "replaces" not in answer
    assert diff(aws, QUEUE, old, {**old, "__defaults": []})["changes"] == "DIFF_NONE"


def test_a_replacement_names_its_reason_and_its_order(aws: Caller) -> None:
    answer = diff(aws, QUEUE, {"name": "a"}, {"name": "b"})
    assert answer["replaces"] == ["name"]
    assert answer["detailedDiff"]["name"]["kind"] == "UPDATE_REPLACE"
    assert "deleteBeforeReplace" not in answer
    assert diff(aws, QUEUE, {"name": "a"}, {"name": "a", "fifoQueue": True})["deleteBeforeReplace"]


def test_code_differs_by_its_hash(aws: Caller) -> None:
    one, other = {"code": asset(hash="1")}, {"code": asset(hash="2")}
    assert diff(aws, FUNCTION, one, one)["changes"] == "DIFF_NONE"
    assert diff(aws, FUNCTION, one, other)["detailedDiff"] == {"code": {"kind": "UPDATE", "inputDiff": True}}


def test_a_resource_that_the_twin_has_lost_is_a_warning(aws: Caller, engine: Engine) -> None:
    diff(aws, QUEUE, {"name": "a"}, {"name": "a"}, id_="nowhere")
    until(lambda: bool(engine.logs), what="the warning")
    assert "pulumi refresh" in engine.logs[0].message
    assert engine.logs[0].urn == urn(QUEUE)
    with pytest.raises(grpc.RpcError) as caught:
        aws.call("Update", about(QUEUE, id="nowhere", news={"name": "a"}, olds={}, oldInputs={}))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


# Create, Update, Delete, Read


def test_a_resource_lives(aws: Caller, kept: Kept) -> None:
    made = create(aws, QUEUE, {"delaySeconds": 3.0, "tags": {"own": secret("s")}})
    outputs = made["properties"]
    assert outputs["arn"].endswith(f":{outputs['name']}")
    assert outputs["tagsAll"] == {"own": secret("s"), "team": "a"}
    kept_tags = kept.made.context.client("sqs").list_queue_tags(QueueUrl=made["id"])["Tags"]
    assert kept_tags == {"own": "s", "team": "a"}

    read = aws.call("Read", about(QUEUE, id=made["id"], properties=outputs, inputs={"name": outputs["name"]}))
    assert read["id"] == made["id"]
    assert read["inputs"]["delaySeconds"] == 3.0

    news = {"name": outputs["name"], "delaySeconds": 4.0}
    changed = aws.call("Update", about(QUEUE, id=made["id"], news=news, olds=outputs, oldInputs=read["inputs"]))
    assert changed["properties"]["delaySeconds"] == 4.0

    for _ in range(2):
        aws.call("Delete", about(QUEUE, id=made["id"], properties=outputs))
    assert aws.call("Read", about(QUEUE, id=made["id"], properties=outputs)) == {}
    assert kept.changes >= 4


def test_a_preview_makes_nothing_and_says_what_is_not_known(aws: Caller, kept: Kept) -> None:
    made = create(aws, QUEUE, {"policy": UNKNOWN, "delaySeconds": 3.0}, preview=True)
    assert "id" not in made
    assert made["properties"]["policy"] == UNKNOWN
    assert made["properties"]["delaySeconds"] == 3.0
    assert "arn" not in made["properties"]
    assert kept.made.state.all() == []

    old = {"name": "f", "timeout": 3.0, "region": REGION}
    outputs = {**old, "arn": "a", "codeSha256": "1"}
    request = about(FUNCTION, id="f", news={**old, "timeout": 4.0}, olds=outputs, oldInputs=old, preview=True)
    assert aws.call("Update", request)["properties"] == {**outputs, "timeout": 4.0, "codeSha256": UNKNOWN}


def test_outputs_that_are_always_secret_are_secret(aws: Caller) -> None:
    made = create(aws, "aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0.0})
    version = create(
        aws, "aws:secretsmanager/secretVersion:SecretVersion", {"secretId": made["id"], "secretString": "plain"}
    )
    assert version["properties"]["secretString"] == secret("plain")
    answer = aws.call(
        "Invoke", {"tok": "aws:secretsmanager/getSecretVersion:getSecretVersion", "args": {"secretId": made["id"]}}
    )
    assert answer["return"]["secretString"] == secret("plain")


def test_relative_paths_start_where_the_program_runs(aws: Caller, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text("def handle(event, context):\n    return 'here'\n")
    role = create(aws, "aws:iam/role:Role", {"assumeRolePolicy": json.dumps({"Statement": []})}, "role")
    inputs = {"role": role["properties"]["arn"], "runtime": HOST_RUNTIME, "handler": "handler.handle"}
    made = create(aws, FUNCTION, {**inputs, "code": asset(path="code", hash="1")})
    assert made["properties"]["code"] == asset(path=str(tmp_path / "code"), hash="1")
    assert made["properties"]["sourceCodeSize"] > 0
    with pytest.raises(grpc.RpcError, match="not on this machine"):
        create(aws, FUNCTION, {**inputs, "code": asset(uri="https://example.org/a.zip", hash="1")}, "far")


def test_a_half_made_resource_goes_into_the_stacks_state(aws: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(*_: object) -> Made:
        raise IncompleteError("the rest failed", Made("half-id", {"name": "n", "policy": "p"}))

    kinds = {kind.typ: kind for kind in sqs.KINDS}
    queue = kinds[QUEUE]
    with monkeypatch.context() as broken:
        broken.setitem(vars(queue), "create", half)
        with pytest.raises(grpc.RpcError) as caught:
            create(aws, QUEUE, {"name": "n", "policy": secret("p")})
    assert caught.value.code() is grpc.StatusCode.ABORTED
    (details,) = [value for key, value in caught.value.trailing_metadata() if key == "grpc-status-details-bin"]
    status, failed = status_pb2.Status.FromString(details), pb.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failed)
    assert (failed.id, list(failed.reasons)) == ("half-id", ["aws:sqs/queue:Queue 'n': the rest failed"])
    assert failed.properties["policy"]["value"] == "p", "still a secret"


def test_a_refusal_at_work_leaves_the_engine_sure_that_nothing_was_made(aws: Caller) -> None:
    create(aws, QUEUE, {"name": "taken"})
    with pytest.raises(grpc.RpcError) as caught:
        create(aws, QUEUE, {"name": "taken"}, "other")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "it exists already" in caught.value.details()


def test_what_cannot_be_removed_stays_in_the_stacks_state(aws: Caller, kept: Kept) -> None:
    key = {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "billingMode": "PAY_PER_REQUEST"}
    made = create(aws, "aws:dynamodb/table:Table", {"name": "kept", **key, "deletionProtectionEnabled": True})
    table = kept.made.context.client("dynamodb")
    with pytest.raises(grpc.RpcError) as caught:
        aws.call("Delete", about("aws:dynamodb/table:Table", id=made["id"], properties=made["properties"]))
    assert "protected against deletion" in caught.value.details()
    assert table.describe_table(TableName="kept")["Table"]["TableStatus"] == "ACTIVE"
    table.update_table(TableName="kept", DeletionProtectionEnabled=False)


def test_a_fault_of_our_own_is_told_as_one(aws: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Made:
        raise ZeroDivisionError("by zero")

    kinds = {kind.typ: kind for kind in sqs.KINDS}
    monkeypatch.setitem(vars(kinds[QUEUE]), "create", broken)
    with pytest.raises(grpc.RpcError) as caught:
        create(aws, QUEUE, {"name": "n"})
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "ZeroDivisionError: by zero" in caught.value.details()


def test_a_cancelled_run_begins_nothing_more(aws: Caller, kept: Kept) -> None:
    aws.call("Cancel")
    with pytest.raises(grpc.RpcError) as caught:
        create(aws, QUEUE, {"name": "n"})
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert kept.made.state.all() == []


def test_what_waits_gives_up_when_the_run_is_cancelled(aws: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()

    def never() -> bool:
        waiting.set()
        return False

    def wait(at: Any, request: Any) -> Made:
        wait_for("Something", never)
        raise AssertionError

    kinds = {kind.typ: kind for kind in sqs.KINDS}
    monkeypatch.setitem(vars(kinds[QUEUE]), "create", wait)
    codes: list[grpc.StatusCode] = []

    def call() -> None:
        try:
            create(aws, QUEUE, {"name": "n"})
        except grpc.RpcError as error:
            codes.append(error.code())

    thread = threading.Thread(target=call)
    thread.start()
    assert waiting.wait(10)
    aws.call("Cancel")
    thread.join(10)
    assert codes == [grpc.StatusCode.CANCELLED]


def test_what_is_waited_for_is_told_to_the_user(aws: Caller, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(at: Any, request: Any) -> Made:
        attempt().say("starting something")
        return Made("i", {})

    kinds = {kind.typ: kind for kind in sqs.KINDS}
    monkeypatch.setitem(vars(kinds[QUEUE]), "create", talk)
    create(aws, QUEUE, {"name": "n"})
    until(lambda: bool(engine.logs), what="the text")
    assert (engine.logs[0].message, engine.logs[0].ephemeral) == ("starting something", True)


# About the provider itself


def test_a_function_of_the_package_is_answered(aws: Caller) -> None:
    answer = aws.call("Invoke", {"tok": "aws:index/getRegion:getRegion", "args": {}})
    assert answer["return"]["region"] == REGION
    with pytest.raises(grpc.RpcError, match=r"twin/cloud/invokes\.py"):
        aws.call("Invoke", {"tok": "aws:ec2/getAmi:getAmi", "args": {}})


def test_a_provider_is_checked_and_compared(aws: Caller) -> None:
    news = {"region": "us-west-2", "allowedAccountIds": '["1"]'}
    failures = aws.call("CheckConfig", {"urn": urn("pulumi:providers:aws"), "news": news})["failures"]
    assert [failure["property"] for failure in failures] == ["region", "allowedAccountIds"]
    fine = aws.call("CheckConfig", {"urn": urn("pulumi:providers:aws"), "news": {"region": REGION}})
    assert fine == {"inputs": {"region": REGION}}
    moved = aws.call("DiffConfig", {"oldInputs": {"region": "a"}, "news": {"region": "b"}})
    assert moved == {"changes": "DIFF_SOME", "diffs": ["region"], "replaces": ["region"]}
    assert aws.call("DiffConfig", {"oldInputs": {"region": "a"}, "news": {"region": "a"}})["changes"] == "DIFF_NONE"


def test_an_engine_that_attaches_is_logged_to(kept: Kept, engine: Engine) -> None:
    session = Session(Provider(AWS, kept))
    caller = Caller(session.port)
    try:
        caller.call("Attach", {"address": engine.address})
        session.provider.engine.say("warning", "hello")
        until(lambda: bool(engine.logs), what="the text")
        # An engine that has gone hears nothing, and nothing fails for that.
        engine.close()
        session.provider.engine.say("warning", "anybody?")
    finally:
        caller.close()
        session.close()


def test_the_schema_names_types_and_what_replaces_them(aws: Caller) -> None:
    schema = json.loads(aws.call("GetSchema", {})["schema"])
    queue = schema["resources"][QUEUE]
    assert (schema["name"], queue["inputProperties"]["fifoQueue"]) == (
        "aws", {"type": "boolean", "willReplaceOnChanges": True},
    )  # fmt: skip
    assert queue["inputProperties"]["visibilityTimeoutSeconds"] == {"type": "integer"}
    assert schema["resources"]["aws:rds/cluster:Cluster"]["properties"]["masterPassword"]["secret"] is True
    assert "aws:index/getRegion:getRegion" in schema["functions"]
    assert aws.call("GetPluginInfo")["version"] == schema["version"]
    assert aws.call("GetMapping", {"key": "terraform"}) == {}
