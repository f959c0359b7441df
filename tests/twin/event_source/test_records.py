"""The event of a batch has the form of the Lambda developer guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twin.event_source.errors import MappingSettingsError
from twin.event_source.records import event_record, passes
from twin.event_source.settings import check_timeouts, read_settings
from twin.pattern import FilterCriteria

ARN = "arn:aws:sqs:us-east-2:123456789012:my-queue"
MESSAGE = {
    "MessageId": "059f36b4",
    "ReceiptHandle": "AQEB",
    "MD5OfBody": "e4e6",
    "Body": "Test message.",
    "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
}


def test_a_message_without_attributes() -> None:
    assert event_record(MESSAGE, ARN) == {
        "messageId": "059f36b4",
        "receiptHandle": "AQEB",
        "body": "Test message.",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
        "messageAttributes": {},
        "md5OfBody": "e4e6",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "us-east-2",
    }


def test_message_attributes() -> None:
    record = event_record(
        {
            **MESSAGE,
            "MD5OfMessageAttributes": "abcd",
            "MessageAttributes": {
                "name": {"StringValue": "value", "DataType": "String"},
                "raw": {"BinaryValue": b"\x00\x01", "DataType": "Binary"},
            },
        },
        ARN,
    )
    assert record["md5OfMessageAttributes"] == "abcd"
    assert record["messageAttributes"] == {
        "name": {"stringValue": "value", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "raw": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
    }


@pytest.mark.parametrize(
    ("pattern", "body", "taken"),
    [
        ({"body": {"data": {"event_type": ["placed"]}}}, '{"data": {"event_type": "placed"}}', True),
        ({"body": {"data": {"event_type": ["placed"]}}}, '{"data": {"event_type": "other"}}', False),
        ({"body": {"data": {"event_type": ["placed"]}}}, "placed", False),
        ({"body": ["placed"]}, "placed", True),
        ({"body": ["placed"]}, '{"data": "placed"}', False),
        ({"messageId": ["059f36b4"]}, "anything", True),
        ({"attributes": {"ApproximateReceiveCount": ["2"]}}, "anything", False),
    ],
)
def test_filters_by_fields_or_by_text(pattern: Any, body: str, taken: bool) -> None:
    record = event_record({**MESSAGE, "Body": body}, ARN)
    assert passes(FilterCriteria([json.dumps(pattern)]), record) is taken


def document(**changes: Any) -> dict[str, Any]:
    return {"uuid": "u", "event_source_arn": ARN, "function_name": "f", "aws": {}, "folder": "/x", **changes}


def test_defaults_are_those_of_aws() -> None:
    settings = read_settings(document())
    assert (settings.batch_size, settings.batching_window_s, settings.report_failures) == (10, 0, False)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"uuid": ""}, "uuid"),
        ({"event_source_arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, "SQS"),
        ({"event_source_arn": ARN + ".fifo"}, "standard"),
        ({"batch_size": 11}, "maximum_batching_window"),
        ({"batch_size": 10_001, "maximum_batching_window_in_seconds": 1}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"maximum_batching_window_in_seconds": 301}, "maximum_batching_window"),
        ({"scaling_config": {"maximum_concurrency": 1}}, "maximum_concurrency"),
        ({"function_response_types": ["Everything"]}, "function_response_types"),
    ],
)
def test_refuses_what_aws_refuses(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(MappingSettingsError, match=named):
        read_settings(document(**changes))


def test_a_function_may_not_work_longer_than_its_message_is_invisible() -> None:
    check_timeouts("f", 30, "q", 30)
    with pytest.raises(MappingSettingsError, match="visibility timeout of 29 s"):
        check_timeouts("f", 30, "q", 29)
