"""Resources as Pulumi's engine wants them: new ones beside old ones, half-made ones, and ones that were lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pulumi
import pytest
import redis

from tests.twin.cloud.conftest import Archive
from tests.twin.cloud.documents import ACCOUNT, REGION
from twin.cloud import Cloud, InputError, functions
from twin.cloud.attempt import Attempt, attempting
from twin.cloud.errors import CancelledError, IncompleteError, LostError, ResourceError
from twin.cloud.services import wait_for
from twin.emulator import Emulator
from twin.supervisor import Supervisor

QUEUE, TOPIC, CACHE = "aws:sqs/queue:Queue", "aws:sns/topic:Topic", "aws:elasticache/replicationGroup:ReplicationGroup"
PERMISSION, KEY = "aws:lambda/permission:Permission", "aws:kms/key:Key"
NOTHING = "def handle(event, context):\n    return None\n"
OLD, NEW = "urn:pulumi:s::p::t::old", "urn:pulumi:s::p::t::new"


def test_a_new_one_is_made_beside_the_one_it_replaces(cloud: Cloud) -> None:
    for typ, inputs in ((QUEUE, ({"name": "a"}, {"name": "b"})), (KEY, ({"description": "a"}, {"description": "b"}))):
        first, second = (cloud.make(typ, "n", each, urn=OLD) for each in inputs)
        assert first.id != second.id
        cloud.delete(typ, first.id, first.outputs, urn=OLD)
        assert cloud.exists(typ, second.id, urn=OLD)
        assert not cloud.exists(typ, first.id, urn=OLD)


def test_another_resource_of_the_same_name_is_refused(cloud: Cloud) -> None:
    cloud.make(QUEUE, "n", {"name": "same"}, urn=OLD)
    with pytest.raises(InputError, match=f"it exists already: {OLD} made it"):
        cloud.make(QUEUE, "n", {"name": "same"}, urn=NEW)


def test_a_renamed_resource_keeps_its_id_and_is_found_by_its_new_name(cloud: Cloud) -> None:
    made = cloud.make(QUEUE, "n", {"name": "kept"}, urn=OLD)
    changed = cloud.update(QUEUE, made.id, {"name": "kept", "delaySeconds": 5}, made.outputs, urn=NEW)
    assert changed.id == made.id
    assert [one.key for one in cloud.state.all()] == [NEW]
    again = cloud.update(QUEUE, made.id, {"name": "kept", "delaySeconds": 5}, made.outputs, urn=OLD)
    assert ([one.key for one in cloud.state.all()], again.outputs) == ([OLD], changed.outputs)


def test_of_two_resources_of_one_id_the_outputs_tell_which(
    cloud: Cloud, emulator: Emulator, role: dict[str, Any], archive: Archive
) -> None:
    code = {"ZipFile": archive(NOTHING).read_bytes()}
    for name in ("one", "two"):
        emulator.client("lambda").create_function(
            FunctionName=name, Role=role["arn"], Runtime=functions.HOST_RUNTIME, Handler="handler.handle", Code=code
        )
    given = {"action": "lambda:InvokeFunction", "principal": "sns.amazonaws.com", "statementId": "same"}
    made = [cloud.make(PERMISSION, name, {**given, "function": name}, urn=name) for name in ("one", "two")]
    assert made[0].id == made[1].id
    found = cloud.find(PERMISSION, "same", urn="renamed", outputs=made[0].outputs)
    assert found is not None
    assert found.inputs["function"] == "one"
    for name in ("one", "two"):
        emulator.client("lambda").delete_function(FunctionName=name)


def test_what_is_lost_is_said_and_not_made_up(cloud: Cloud, emulator: Emulator) -> None:
    made = cloud.make(QUEUE, "n", {"name": "lost"}, urn=OLD)
    emulator.client("sqs").delete_queue(QueueUrl=made.id)
    assert cloud.read(QUEUE, made.id, urn=OLD) is None
    assert cloud.state.all() == []
    with pytest.raises(LostError, match="pulumi refresh"):
        cloud.update(QUEUE, made.id, {"name": "lost"}, made.outputs, urn=OLD)
    cloud.delete(QUEUE, made.id, made.outputs, urn=OLD)


def test_what_somebody_else_changed_is_read(cloud: Cloud, emulator: Emulator) -> None:
    made = cloud.make(QUEUE, "n", {"name": "read", "delaySeconds": 5}, urn=OLD)
    assert cloud.read(QUEUE, made.id, urn=OLD) == cloud.state.all()[0]
    emulator.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes={"DelaySeconds": "9"})
    found = cloud.read(QUEUE, made.id, urn=OLD)
    assert found is not None
    assert (found.inputs["delaySeconds"], found.outputs["delaySeconds"]) == (9, 9)
    assert "visibilityTimeoutSeconds" not in found.inputs, "what nobody asked for is no input"
    cloud.update(QUEUE, made.id, {"name": "read", "delaySeconds": 5}, made.outputs, urn=OLD)
    answer = emulator.client("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["DelaySeconds"])
    assert answer["Attributes"]["DelaySeconds"] == "5"


def test_tags_follow_a_change(cloud: Cloud, emulator: Emulator) -> None:
    for typ, made in ((QUEUE, cloud.make(QUEUE, "n", {"tags": {"a": "1", "b": "2"}}, urn=OLD)),):
        cloud.update(typ, made.id, {"name": made.outputs["name"], "tags": {"b": "3", "c": "4"}}, {}, urn=OLD)
        assert emulator.client("sqs").list_queue_tags(QueueUrl=made.id)["Tags"] == {"b": "3", "c": "4"}


def test_a_half_made_resource_is_kept_and_completed_by_the_next_change(
    cloud: Cloud, role: dict[str, Any], archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {
        "name": "half", "role": role["arn"], "runtime": functions.HOST_RUNTIME, "handler": "handler.handle",
        "code": pulumi.FileArchive(str(archive(NOTHING))), "reservedConcurrentExecutions": 2,
    }  # fmt: skip

    def fail(*_: object) -> None:
        raise ResourceError("no concurrency is left")

    with monkeypatch.context() as broken:
        broken.setattr(functions, "_reserve", fail)
        with pytest.raises(IncompleteError, match="'n': no concurrency is left") as caught:
            cloud.make("aws:lambda/function:Function", "n", inputs, urn=OLD)
    made = caught.value.made
    (kept,) = [one for one in cloud.state.all() if one.key == OLD]
    assert (kept.id, kept.reasons) == (made.id, ["no concurrency is left"])
    cloud.update("aws:lambda/function:Function", made.id, inputs, made.outputs, urn=OLD)
    (kept,) = [one for one in cloud.state.all() if one.key == OLD]
    assert kept.reasons == []
    concurrency = cloud.context.client("lambda").get_function_concurrency(FunctionName="half")
    assert concurrency["ReservedConcurrentExecutions"] == 2


def test_servers_come_up_again_where_they_were_and_with_their_data(
    tmp_path: Path, emulator: Emulator, supervisor: Supervisor
) -> None:
    def cloud(kept_by: Supervisor) -> Cloud:
        return Cloud(tmp_path / "twin", kept_by, region=REGION, account=ACCOUNT, emulator=emulator, stack="resume")

    first = cloud(supervisor)
    group = {"replicationGroupId": "cache", "description": "d", "engine": "valkey"}
    made = first.make(CACHE, "cache", group, urn=OLD)
    gone = first.make(QUEUE, "n", {"name": "not-kept"}, urn=NEW)
    with redis.Redis(port=made.outputs["port"]) as client:
        client.set("key", "value")
    supervisor.stop()
    emulator.client("sqs").delete_queue(QueueUrl=gone.id)

    later = Supervisor()
    second = cloud(later)
    try:
        assert second.resume() == [f"{QUEUE} 'n': it did not survive the stop."]
        with redis.Redis(port=made.outputs["port"]) as client:
            assert client.get("key") == b"value"
        assert second.resume() == [f"{QUEUE} 'n': it did not survive the stop."], "safe to repeat"
    finally:
        second.delete(CACHE, made.id, made.outputs, urn=OLD)
        later.stop()


def test_shards_come_up_again_where_they_were_and_with_their_data(
    tmp_path: Path, emulator: Emulator, supervisor: Supervisor
) -> None:
    def cloud(kept_by: Supervisor) -> Cloud:
        return Cloud(tmp_path / "twin", kept_by, region=REGION, account=ACCOUNT, emulator=emulator, stack="resume")

    group = {
        "replicationGroupId": "cache", "description": "d", "engine": "valkey", "numNodeGroups": 3,
        "automaticFailoverEnabled": True,
    }  # fmt: skip
    made = cloud(supervisor).make(CACHE, "cache", group, urn=OLD)
    host, port = made.outputs["configurationEndpointAddress"], made.outputs["port"]
    with redis.RedisCluster(host=host, port=port) as client:
        for number in range(20):
            client.set(f"key-{number}", "value")
    supervisor.stop()

    later = Supervisor()
    second = cloud(later)
    try:
        assert second.resume() == []
        with redis.RedisCluster(host=host, port=port) as client:
            assert {client.get(f"key-{number}") for number in range(20)} == {b"value"}
    finally:
        second.delete(CACHE, made.id, made.outputs, urn=OLD)
        assert later.processes == {}
        later.stop()


def test_what_went_with_something_else_is_forgotten(cloud: Cloud) -> None:
    """As when the program keeps the versions of a secret, and the secret itself goes."""
    secret = cloud.make("aws:secretsmanager/secret:Secret", "s", {"recoveryWindowInDays": 0}, urn="secret")
    inputs = {"secretId": secret.id, "secretString": "value"}
    version = cloud.make("aws:secretsmanager/secretVersion:SecretVersion", "v", inputs, urn="version")
    cloud.forget_gone()
    assert len(cloud.state.all()) == 2
    cloud.delete("aws:secretsmanager/secret:Secret", secret.id, secret.outputs, urn="secret")
    assert [one.id for one in cloud.state.all()] == [version.id]
    cloud.forget_gone()
    assert cloud.state.all() == []


def test_a_change_of_a_secret_s_version_is_another_one_or_none(cloud: Cloud) -> None:
    secret = cloud.make("aws:secretsmanager/secret:Secret", "s", {"recoveryWindowInDays": 0}, urn="secret")
    typ, inputs = "aws:secretsmanager/secretVersion:SecretVersion", {"secretId": secret.id, "secretString": "one"}
    assert cloud.difference(typ, inputs, {**inputs, "secretString": "two"}).replaces
    version = cloud.make(typ, "v", inputs, urn="version")
    staged = cloud.update(typ, version.id, {**inputs, "versionStages": ["AWSCURRENT"]}, version.outputs, urn="version")
    assert staged.id == version.id, "the engine would not hear of another id"


def test_a_cancelled_attempt_begins_nothing_and_waits_for_nothing(cloud: Cloud) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with attempting(Attempt(cancelled=cancelled)):
        with pytest.raises(CancelledError, match="aws:sqs/queue:Queue 'n': Given up"):
            cloud.make(QUEUE, "n", {}, urn=OLD)
        with pytest.raises(CancelledError):
            wait_for("Nothing", lambda: False)
    assert cloud.state.all() == []


def test_the_users_own_limit_counts_while_waiting() -> None:
    with attempting(Attempt(timeout_s=0.05)), pytest.raises(ResourceError, match="not ready after 0 s"):
        wait_for("Nothing", lambda: False)
