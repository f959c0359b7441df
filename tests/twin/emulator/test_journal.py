"""What a request stored survives a kill of the emulator, as it does on AWS; what was removed stays away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.twin.emulator.functions import make_role
from twin.aws_clients import client_maker
from twin.emulator import Emulator
from twin.emulator.errors import EmulatorError
from twin.emulator.journal import LONG_BYTES
from twin.mails import sent

KEY = {"AttributeName": "id", "KeyType": "HASH"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("journal"), enforce_iam=True)
    running.start()
    yield running
    running.stop()


def crash(emulator: Emulator) -> None:
    emulator.kill()
    emulator.start()


def bodies(sqs: Any, url: str) -> list[str]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    return sorted(message["Body"] for message in found)


def records(kinesis: Any, stream: str, shard: str) -> list[bytes]:
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return [one["Data"] for one in kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]]


def test_messages_that_came_and_went(emulator: Emulator) -> None:
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    url = sqs.create_queue(QueueName="messages")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.send_message(QueueUrl=url, MessageBody="before the save")
    emulator.save()
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageAttributes={})
    sns.publish(TopicArn=topic, Message="published")
    taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    for message in taken:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    for _ in range(2):  # the second kill finds the journal as the first start left it
        crash(emulator)
        assert bodies(sqs, url) == ["1", "2", "published"]
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="after the purge")
    crash(emulator)
    assert bodies(sqs, url) == ["after the purge"]


def test_records_their_numbers_and_their_shards(emulator: Emulator) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    emulator.save()
    first = kinesis.put_record(StreamName="stream", Data=b"1", PartitionKey="a")
    kinesis.put_records(StreamName="stream", Records=[{"Data": b"2", "PartitionKey": "a"}])
    kinesis.update_shard_count(StreamName="stream", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    last = kinesis.put_record(StreamName="stream", Data=b"3", PartitionKey="a")
    crash(emulator)
    assert records(kinesis, "stream", first["ShardId"]) == [b"1", b"2"]
    assert records(kinesis, "stream", last["ShardId"]) == [b"3"]
    after = kinesis.get_shard_iterator(
        StreamName="stream", ShardId=first["ShardId"], ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        StartingSequenceNumber=first["SequenceNumber"],
    )["ShardIterator"]  # fmt: skip
    answer = kinesis.get_records(ShardIterator=after)
    assert [one["Data"] for one in answer["Records"]] == [b"2"]
    assert "NextShardIterator" not in answer, "the parent is closed after the crash as it was before"


def test_items_mails_and_credentials(emulator: Emulator) -> None:
    dynamodb, ses = emulator.client("dynamodb"), emulator.client("sesv2")
    dynamodb.create_table(
        TableName="table", KeySchema=[KEY], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    ses.create_email_identity(EmailIdentity="a@b.example")
    queue = emulator.client("sqs").create_queue(QueueName="role")["QueueUrl"]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    role = make_role(emulator, "pipes.amazonaws.com", allowed)
    emulator.save()
    make = client_maker(emulator.role_aws(role, "pipes.amazonaws.com"))
    condition = "attribute_not_exists(id)"
    for name in ("kept", "gone"):
        dynamodb.put_item(TableName="table", Item={"id": {"S": name}}, ConditionExpression=condition)
    dynamodb.update_item(
        TableName="table", Key={"id": {"S": "kept"}}, UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )  # fmt: skip
    dynamodb.delete_item(TableName="table", Key={"id": {"S": "gone"}})
    content = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "you"}}}}
    ses.send_email(FromEmailAddress="a@b.example", Destination={"ToAddresses": ["c@d.example"]}, Content=content)
    for again in range(2):
        crash(emulator)
        assert dynamodb.scan(TableName="table")["Items"] == [{"id": {"S": "kept"}, "n": {"N": "1"}}]
        assert [mail.subject for mail in sent(emulator.endpoint)] == ["Hello"]
        make("sqs").send_message(QueueUrl=queue, MessageBody="as the role")
        if not again:
            emulator.save()


def test_an_entry_that_was_cut_off_is_passed_over(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="cut")["QueueUrl"]
    emulator.save()
    sqs.send_message(QueueUrl=url, MessageBody="whole")
    emulator.kill()
    with (emulator.folder / "journal").open("a") as journal:
        journal.write('["queue",["000000')
    emulator.start()
    sqs.send_message(QueueUrl=url, MessageBody="later")
    crash(emulator)
    assert bodies(sqs, url) == ["later", "whole"]


def test_a_journal_that_grew_long_begins_anew(emulator: Emulator) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="long", ShardCount=1)
    emulator.save()
    for number in range(60):  # as text in the journal, each is a third longer
        kinesis.put_record(StreamName="long", Data=bytes([number]) * 2**20, PartitionKey="one")
    assert (emulator.folder / "journal").stat().st_size < LONG_BYTES
    crash(emulator)
    iterator = kinesis.get_shard_iterator(
        StreamName="long", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[int] = []
    while len(found) < 60:
        page = kinesis.get_records(ShardIterator=iterator)
        assert page["Records"], "nothing is left out"
        found += [record["Data"][0] for record in page["Records"]]
        iterator = page["NextShardIterator"]
    assert found == list(range(60))


def test_a_save_that_fails_says_so_and_loses_nothing(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="unsaved")["QueueUrl"]
    emulator.save()
    in_the_way = emulator.folder / "state" / "sqs.json.tmp"
    in_the_way.mkdir()
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    with pytest.raises(EmulatorError, match=r"sqs\.json could not be written"):
        emulator.save()
    crash(emulator)
    assert bodies(sqs, url) == ["kept"]
    in_the_way.rmdir()
    emulator.save()


def test_what_a_killed_emulator_left_in_its_tmp_is_removed(emulator: Emulator) -> None:
    left = emulator.folder / "tmp" / "code-of-a-worker"
    left.mkdir()
    crash(emulator)
    assert not left.exists()
    assert left.parent.is_dir()
