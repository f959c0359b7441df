"""Streams, topics and queues: made once, changed in place, gone when deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.twin.cloud.documents import ACCOUNT, REGION, allow
from twin.cloud import Cloud, InputError
from twin.emulator import Emulator

STREAM, TOPIC, QUEUE = "aws:kinesis/stream:Stream", "aws:sns/topic:Topic", "aws:sqs/queue:Queue"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"


def test_creating_twice_gives_the_same_resource(cloud: Cloud, emulator: Emulator) -> None:
    inputs = {"visibilityTimeoutSeconds": 60, "tags": {"a": "b"}}
    first, second = cloud.create(QUEUE, "twice", inputs), cloud.create(QUEUE, "twice", inputs)
    assert first == second
    assert first.outputs["arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{first.outputs['name']}"
    assert first.outputs["tagsAll"] == {"a": "b"}
    assert emulator.client("sqs").list_queues(QueueNamePrefix="twice-")["QueueUrls"] == [first.id]


def test_what_an_interrupted_run_made_is_taken_over(cloud: Cloud, emulator: Emulator) -> None:
    emulator.client("sqs").create_queue(QueueName="taken", Attributes={"VisibilityTimeout": "5"})
    emulator.client("kinesis").create_stream(StreamName="taken", ShardCount=1)
    queue = cloud.create(QUEUE, "q", {"name": "taken", "visibilityTimeoutSeconds": 60})
    cloud.create(STREAM, "s", {"name": "taken", "shardCount": 1})
    assert _attribute(emulator, queue.id, "VisibilityTimeout") == "60"


def test_a_change_is_made_in_place_and_a_property_left_out_is_its_default_again(
    cloud: Cloud, emulator: Emulator
) -> None:
    made = cloud.create(QUEUE, "q", {"visibilityTimeoutSeconds": 60})
    changed = cloud.create(QUEUE, "q", {"messageRetentionSeconds": 120})
    assert changed.id == made.id
    assert _attribute(emulator, made.id, "VisibilityTimeout") == "30"
    assert _attribute(emulator, made.id, "MessageRetentionPeriod") == "120"
    assert changed.outputs["visibilityTimeoutSeconds"] == 30


def test_another_name_replaces_the_queue(cloud: Cloud, emulator: Emulator) -> None:
    old = cloud.create(QUEUE, "q", {"name": "old-name"})
    new = cloud.create(QUEUE, "q", {"name": "new-name"})
    assert not cloud.exists(QUEUE, old.id)
    assert emulator.client("sqs").list_queues(QueueNamePrefix="old-name").get("QueueUrls", []) == []
    assert cloud.exists(QUEUE, new.id)


def test_what_was_deleted_behind_our_back_is_made_again(cloud: Cloud, emulator: Emulator) -> None:
    made = cloud.create(QUEUE, "q", {})
    emulator.client("sqs").delete_queue(QueueUrl=made.id)
    assert not cloud.exists(QUEUE, made.id)
    cloud.create(QUEUE, "q", {})
    assert cloud.exists(QUEUE, made.id)


@pytest.mark.parametrize(
    ("typ", "inputs"),
    [
        (QUEUE, {}),
        (TOPIC, {"displayName": "x"}),
        (STREAM, {"shardCount": 1}),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "/twin/logs", "retentionInDays": 7}),
        ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0}),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),
    ],
)
def test_deleting_can_be_repeated(cloud: Cloud, typ: str, inputs: dict[str, Any]) -> None:
    made = cloud.create(typ, "gone", inputs)
    cloud.delete(typ, made.id, made.outputs)
    cloud.delete(typ, made.id, made.outputs)
    assert not cloud.exists(typ, made.id)
    assert cloud.state.all() == []


def test_a_stream_takes_retention_and_shards_in_place(cloud: Cloud, emulator: Emulator) -> None:
    made = cloud.create(STREAM, "s", {"shardCount": 1})
    changed = cloud.create(STREAM, "s", {"shardCount": 2, "retentionPeriod": 48})
    name = made.outputs["name"]
    summary = emulator.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert changed.id == made.id == f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (2, 48)


def test_a_message_passes_filter_and_subscription(cloud: Cloud, emulator: Emulator) -> None:
    topic, queue = cloud.create(TOPIC, "t", {}), cloud.create(QUEUE, "q", {})
    cloud.create("aws:sns/topicPolicy:TopicPolicy", "p", {"arn": topic.id, "policy": allow("sns:Publish")})
    cloud.create("aws:sqs/queuePolicy:QueuePolicy", "p", {"queueUrl": queue.id, "policy": allow("sqs:SendMessage")})
    inputs = {
        "topic": topic.outputs["arn"], "protocol": "sqs", "endpoint": queue.outputs["arn"], "rawMessageDelivery": True,
        "filterPolicy": json.dumps({"kind": ["wanted"]}), "filterPolicyScope": "MessageBody",
    }  # fmt: skip
    made = cloud.create(SUBSCRIPTION, "s", inputs)
    assert _bodies(emulator, topic.id, queue.id) == ['{"kind": "wanted"}']
    changed = cloud.create(SUBSCRIPTION, "s", {**inputs, "filterPolicy": json.dumps({"kind": ["other"]})})
    assert changed.id == made.id
    assert _bodies(emulator, topic.id, queue.id) == ['{"kind": "other"}']


def test_a_failed_message_goes_to_the_dead_letter_queue(cloud: Cloud, emulator: Emulator) -> None:
    dead = cloud.create(QUEUE, "dead", {})
    redrive = {"deadLetterTargetArn": dead.outputs["arn"], "maxReceiveCount": 1}
    queue = cloud.create(QUEUE, "q", {"visibilityTimeoutSeconds": 0, "redrivePolicy": json.dumps(redrive)})
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [queue.outputs["arn"]]}
    cloud.create(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "a",
        {"queueUrl": dead.id, "redriveAllowPolicy": json.dumps(allowed)},
    )  # fmt: skip
    sqs = emulator.client("sqs")
    sqs.send_message(QueueUrl=queue.id, MessageBody="poison")
    assert sqs.receive_message(QueueUrl=queue.id)["Messages"][0]["Body"] == "poison"
    assert "Messages" not in sqs.receive_message(QueueUrl=queue.id)
    assert sqs.receive_message(QueueUrl=dead.id, WaitTimeSeconds=2)["Messages"][0]["Body"] == "poison"


@pytest.mark.parametrize(
    ("prop", "value"),
    [("visibilityTimeoutSeconds", 43_201), ("messageRetentionSeconds", 59), ("receiveWaitTimeSeconds", 21)],
)
def test_a_range_of_sqs_is_checked(cloud: Cloud, prop: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{prop} is {value}; AWS takes"):
        cloud.create(QUEUE, "q", {prop: value})


def test_two_stacks_of_one_name_do_not_meet(cloud: Cloud) -> None:
    first = cloud.create(QUEUE, "q", {}, urn="urn:a::q")
    second = cloud.create(QUEUE, "q", {}, urn="urn:b::q")
    assert first.id != second.id


def _attribute(emulator: Emulator, url: str, name: str) -> str:
    answer = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return str(answer["Attributes"][name])


def _bodies(emulator: Emulator, topic_arn: str, queue_url: str) -> list[str]:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    for kind in ("wanted", "other"):
        sns.publish(TopicArn=topic_arn, Message=json.dumps({"kind": kind}))
    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]
    for message in messages:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]
