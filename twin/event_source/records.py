"""The event that a function gets of a batch of SQS messages.

Source: "Using Lambda with Amazon SQS" of the Lambda developer guide, its example event.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from twin.pattern import FilterCriteria
from twin.pattern.document import decode_container

Message = Mapping[str, Any]
Record = dict[str, Any]


def event_record(message: Message, queue_arn: str) -> Record:
    """Make the record of a message as ReceiveMessage of boto3 gives it (with all its attributes)."""
    attributes = message.get("MessageAttributes") or {}
    record: Record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if attributes:
        record["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute


def passes(criteria: FilterCriteria, record: Record) -> bool:
    """Tell whether a mapping's filter takes a record.

    A body that is a JSON object or array is matched by its fields, any other as a string: so a pattern for the one
    drops the other, as AWS does.
    """
    document = decode_container(record["body"])
    return criteria.matches(record if document is None else {**record, "body": document})
