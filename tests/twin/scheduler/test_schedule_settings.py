"""What a schedule's specification may hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from twin.scheduler.errors import ScheduleSettingsError
from twin.scheduler.settings import read_settings

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:f"


def document(**changes: Any) -> dict[str, Any]:
    target = {"arn": FUNCTION, "roleArn": "arn:aws:iam::000000000000:role/r", **changes.pop("target", {})}
    return {
        "name": "s", "arn": "arn:aws:scheduler:eu-central-1:000000000000:schedule/default/s",
        "schedule_expression": "rate(1 minute)", "target": target, "aws": {}, "folder": "/nowhere", **changes,
    }  # fmt: skip


def test_what_is_left_out_is_as_aws_has_it() -> None:
    settings = read_settings(document())
    assert (settings.most_retries, settings.most_age_s) == (185, 86_400)
    assert (settings.enabled, settings.input, settings.dead_letter_arn) == (True, "{}", None)


def test_bounds_and_dates_are_read() -> None:
    retry = {"maximumRetryAttempts": 2.0, "maximumEventAgeInSeconds": 60}
    settings = read_settings(
        document(start_date="2026-11-21T10:00:00Z", state="DISABLED", target={"retryPolicy": retry})
    )
    assert (settings.most_retries, settings.most_age_s, settings.enabled) == (2, 60, False)
    assert settings.start == datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "no name"),
        ({"schedule_expression": "rate(1 week)"}, "rate"),
        ({"start_date": "soon"}, "start_date"),
        ({"target": {"arn": "arn:aws:sqs:eu-central-1:000000000000:q"}}, "Lambda functions"),
        ({"target": {"input": "not json"}}, "JSON"),
        ({"target": {"retryPolicy": {"maximumRetryAttempts": 186}}}, "from 0 to 185"),
        ({"target": {"retryPolicy": {"maximumEventAgeInSeconds": 59}}}, "from 60 to 86400"),
        ({"target": {"retryPolicy": {"maximumRetryAttempts": "3"}}}, "integer"),
        ({"target": {"deadLetterConfig": {"arn": "arn:aws:sqs:eu-central-1:000000000000:q.fifo"}}}, "standard queue"),
    ],
)
def test_what_aws_or_the_twin_would_refuse_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ScheduleSettingsError, match=said):
        read_settings(document(**changes))
