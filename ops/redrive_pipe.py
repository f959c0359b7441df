"""Redrive of the pipe's dead letters: pointers into the stream, whose records are fetched and published.

A letter names a shard and the first and last sequence number of the records that the pipe gave up ("KinesisBatchInfo").
They are published as the pipe would have: rows only, in its form, one message a record. Records older than the
stream's retention are gone from it; their letter stays, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import Aws
from ops.dead_letters import Letter
from ops.redrive import Outcome

# As the pipe's filter has it (infra/templates.py): new rows, no control records.
OPERATIONS = ("load", "insert")
INFO = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber", "batchSize")
PUBLISH = 10
RECORDS = 1000
# Reads in a row without a record before a shard counts as read: Kinesis answers empty in between.
EMPTY_READS = 10


def redrive(aws: Aws, letters: Sequence[Letter]) -> list[Outcome]:
    """Publish what the letters point to; one outcome for each letter. Raises OutputMissing, Unreachable."""
    return [Outcome(letter, _redrive(aws, letter)) for letter in letters]


def condition(letter: Letter) -> str:
    """Why the pipe gave the records up, in its own word."""
    try:
        return str(json.loads(letter.body)["context"]["condition"])
    except (ValueError, KeyError, TypeError):
        return "it is no letter of a pipe"


def records(aws: Aws, letter: Letter) -> list[dict[str, Any]]:
    """The records that a letter points to, as far as the stream still has them, decoded from JSON.

    Raises:
        ValueError: the letter is none of a pipe that reads a Kinesis stream.
        ClientError: Kinesis refused; its code tells what.
    """
    return [json.loads(record["Data"]) for record in _raw(aws, _info(letter))]


def _redrive(aws: Aws, letter: Letter) -> str | None:
    try:
        info = _info(letter)
        found = list(_raw(aws, info))
    except ValueError as error:
        return str(error)
    except ClientError as error:
        return f"the stream refused: {error}"
    if len(found) < int(info["batchSize"]):
        missing = int(info["batchSize"]) - len(found)
        return (
            f"{missing} of {info['batchSize']} records are no longer in the stream: `ops rebuild` brings the read "
            "model up to date, `ops capture reload` sends to all consumers what the outbox still has. "
            "Then delete the letter with `ops dlq delete`."
        )
    return _publish(aws, [message for record in found if (message := _message(record["Data"])) is not None])


def _info(letter: Letter) -> dict[str, Any]:
    try:
        info = json.loads(letter.body)["KinesisBatchInfo"]
        return {name: info[name] for name in INFO}
    except (ValueError, KeyError, TypeError):
        raise ValueError("the letter is none of a pipe that reads a Kinesis stream") from None


def _raw(aws: Aws, info: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kinesis, stream = aws.client("kinesis"), info["streamArn"]
    last = int(info["endSequenceNumber"])
    iterator: str | None = kinesis.get_shard_iterator(
        StreamARN=stream,
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    empty = 0
    while iterator and empty < EMPTY_READS:
        answer = kinesis.get_records(StreamARN=stream, ShardIterator=iterator, Limit=RECORDS)
        empty = 0 if answer["Records"] else empty + 1
        for record in answer["Records"]:
            number = int(record["SequenceNumber"])
            if number <= last:
                yield record
            if number >= last:
                return
        iterator = answer.get("NextShardIterator")


def _message(data: bytes) -> str | None:
    """The message that the pipe's template makes of a record; None for one that its filter drops."""
    try:
        record = json.loads(data)
        metadata = record["metadata"]
        if metadata["record-type"] != "data" or metadata["operation"] not in OPERATIONS:
            return None
        return json.dumps({"data": record["data"], "metadata": metadata}, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, KeyError, TypeError):
        return None  # The filter drops what is no record of the change capture.


def _publish(aws: Aws, messages: list[str]) -> str | None:
    topic = aws.stack.output("topic_arn")
    for start in range(0, len(messages), PUBLISH):
        entries = [{"Id": str(n), "Message": text} for n, text in enumerate(messages[start : start + PUBLISH])]
        try:
            answer = aws.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        except ClientError as error:
            return f"the topic refused: {error}"
        if answer.get("Failed"):
            failed = answer["Failed"][0]
            return f"the topic refused {len(answer['Failed'])} of them: {failed.get('Code')}: {failed.get('Message')}"
    return None
