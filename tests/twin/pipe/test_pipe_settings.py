"""A pipe that AWS would refuse is refused."""

from __future__ import annotations

from typing import Any

import pytest

from twin.pipe.errors import PipeSettingsError
from twin.pipe.settings import read_settings


def document(**kinesis: Any) -> dict[str, Any]:
    return {
        "name": "orders",
        "source_arn": "arn:aws:kinesis:eu-west-1:000000000000:stream/outbox",
        "target_arn": "arn:aws:sns:eu-west-1:000000000000:orders",
        "source_parameters": {"kinesisStreamParameters": {"startingPosition": "TRIM_HORIZON", **kinesis}},
        "target_parameters": {"inputTemplate": "<$.data>"},
        "desired_state": "RUNNING",
        "aws": {},
        "folder": "/nowhere",
    }


def test_defaults_are_those_of_aws() -> None:
    settings = read_settings(document())
    assert (settings.maximum_retry_attempts, settings.maximum_record_age_s, settings.batching_window_s) == (-1, -1, 0)
    assert settings.arn == "arn:aws:pipes:eu-west-1:000000000000:pipe/orders"
    assert not settings.bisect
    assert settings.dead_letter_arn is None


def test_numbers_may_come_as_floats() -> None:
    assert read_settings(document(batchSize=10.0, maximumRetryAttempts=3.0)).batch_size == 10


@pytest.mark.parametrize(
    ("kinesis", "named"),
    [
        ({"startingPosition": "OLDEST"}, "startingPosition"),
        ({"startingPosition": None}, "startingPosition"),
        ({"startingPosition": "AT_TIMESTAMP"}, "startingPositionTimestamp"),
        ({"batchSize": 11}, "SNS takes 10"),
        ({"batchSize": 0}, "batchSize"),
        ({"batchSize": 1.5}, "batchSize"),
        ({"batchSize": True}, "batchSize"),
        ({"maximumBatchingWindowInSeconds": 301}, "maximumBatchingWindowInSeconds"),
        ({"maximumRecordAgeInSeconds": 30}, "maximumRecordAgeInSeconds"),
        ({"maximumRetryAttempts": 10_001}, "maximumRetryAttempts"),
        ({"onPartialBatchItemFailure": "BISECT"}, "onPartialBatchItemFailure"),
        ({"deadLetterConfig": {"arn": "arn:aws:lambda:eu-west-1:000000000000:function:f"}}, "dead letter"),
        ({"deadLetterConfig": {"arn": "queue"}}, "not an ARN"),
        ({"retries": 1}, "unknown"),
    ],
)
def test_refuses_parameters(kinesis: dict[str, Any], named: str) -> None:
    with pytest.raises(PipeSettingsError, match=named):
        read_settings(document(**kinesis))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"source_arn": "arn:aws:sqs:eu-west-1:000000000000:q"}, "Kinesis"),
        ({"target_arn": "arn:aws:states:eu-west-1:000000000000:stateMachine:x"}, "states"),
        ({"target_arn": "arn:aws:sns:eu-west-1:000000000000:orders.fifo"}, "FIFO"),
        ({"desired_state": "PAUSED"}, "desired_state"),
    ],
)
def test_refuses_source_target_and_state(change: dict[str, Any], named: str) -> None:
    with pytest.raises(PipeSettingsError, match=named):
        read_settings({**document(), **change})


@pytest.mark.parametrize("value", [1_700_000_000, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20"])
def test_a_timestamp_is_seconds_or_iso_8601_in_utc(value: Any) -> None:
    settings = read_settings(document(startingPosition="AT_TIMESTAMP", startingPositionTimestamp=value))
    assert settings.starting_timestamp == 1_700_000_000
