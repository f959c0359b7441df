"""Rates and single moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from twin.scheduler.errors import ScheduleSettingsError
from twin.scheduler.expression import parse

BEGIN = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(10 minutes)", timedelta(minutes=10)),
        ("rate(1 hours)", timedelta(hours=1)),
        ("rate(2 days)", timedelta(days=2)),
    ],
)
def test_a_rate_begins_at_once_and_goes_on_evenly(text: str, period: timedelta) -> None:
    rate = parse(text, "UTC")(BEGIN)
    assert rate.after(BEGIN - timedelta(days=9)) == BEGIN
    assert rate.after(BEGIN) == BEGIN + period
    assert rate.after(BEGIN + period * 5 - timedelta(seconds=1)) == BEGIN + period * 5
    assert rate.after(BEGIN + period * 5) == BEGIN + period * 6


def test_a_single_moment_is_one_of_the_time_zone() -> None:
    once = parse("at(2026-12-24T18:00:00)", "Europe/Berlin")(BEGIN)
    assert once.after(BEGIN) == datetime(2026, 12, 24, 17, 0, tzinfo=UTC)
    assert once.after(datetime(2026, 12, 24, 17, 0, tzinfo=UTC)) is None


def test_a_cron_expression_has_the_time_zone_too() -> None:
    cron = parse("cron(0 18 24 12 ? *)", "Asia/Kolkata")(BEGIN)
    assert cron.after(BEGIN) == datetime(2026, 12, 24, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "timezone", "said"),
    [
        ("rate(0 minutes)", "UTC", "above 0"),
        ("rate(5 seconds)", "UTC", "rate"),
        ("rate(1.5 hours)", "UTC", "rate"),
        ("every day", "UTC", "every day"),
        ("at(2026-02-30T12:00:00)", "UTC", "day"),
        ("at(2026-02-20 12:00)", "UTC", "at"),
        ("rate(1 minute)", "Europe/Atlantis", "Europe/Atlantis"),
    ],
)
def test_what_aws_would_refuse_is_refused(text: str, timezone: str, said: str) -> None:
    with pytest.raises(ScheduleSettingsError, match=said):
        parse(text, timezone)
