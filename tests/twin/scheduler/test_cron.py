"""Cron expressions as the EventBridge Scheduler user guide has them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.scheduler.cron import parse_cron
from twin.scheduler.errors import ScheduleSettingsError


def times(text: str, start: str, count: int, zone: tzinfo = UTC) -> list[str]:
    """The first times after a moment, as clocks in `zone` show them."""
    cron, found = parse_cron(text, zone), []
    moment: datetime | None = datetime.fromisoformat(start).replace(tzinfo=zone)
    for _ in range(count):
        moment = moment and cron.after(moment)
        if moment is None:
            break
        found.append(f"{moment.astimezone(zone):%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 12 * * ? *", ["2026-11-20 12:15", "2026-11-21 12:15"]),
        ("0/20 9-10 * * ? *", ["2026-11-21 09:00", "2026-11-21 09:20", "2026-11-21 09:40", "2026-11-21 10:00"]),
        ("5,10 0 ? * MON-FRI *", ["2026-11-23 00:05", "2026-11-23 00:10", "2026-11-24 00:05"]),
        ("0 0 ? * 1 *", ["2026-11-22 00:00"]),  # Sunday is 1
        ("0 0 ? * fri-mon *", ["2026-11-21 00:00", "2026-11-22 00:00", "2026-11-23 00:00", "2026-11-27 00:00"]),
        ("0 8 1 * ? *", ["2026-12-01 08:00", "2027-01-01 08:00"]),
        ("0 8 31 * ? *", ["2026-12-31 08:00", "2027-01-31 08:00", "2027-03-31 08:00"]),
        ("0 8 L * ? *", ["2026-11-30 08:00", "2026-12-31 08:00", "2027-01-31 08:00", "2027-02-28 08:00"]),
        ("0 10 ? * 6L *", ["2026-11-27 10:00", "2026-12-25 10:00"]),  # the last Friday
        ("0 10 ? * L *", ["2026-11-21 10:00", "2026-11-28 10:00"]),  # the last day of the week
        ("0 10 ? * TUE#2 *", ["2026-12-08 10:00", "2027-01-12 10:00"]),
        ("0 10 ? * 1#5 *", ["2026-11-29 10:00", "2027-01-31 10:00"]),
        ("0 10 22W * ? *", ["2026-11-23 10:00", "2026-12-22 10:00"]),  # the 22nd is a Sunday
        ("0 10 1W * ? *", ["2026-12-01 10:00", "2027-01-01 10:00", "2027-02-01 10:00"]),
        ("0 10 30W 5,10 ? *", ["2027-05-31 10:00", "2027-10-29 10:00"]),
        ("0 0 29 FEB ? *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 1 1 ? 2027-2028", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("0 0 1 1/6 ? 2027", ["2027-01-01 00:00", "2027-07-01 00:00"]),
    ],
)
def test_times_of_an_expression(text: str, expected: list[str]) -> None:
    assert times(text, "2026-11-20T12:14:59.9", len(expected)) == expected


def test_the_first_saturday_as_a_weekday_moves_forward_into_the_month() -> None:
    assert times("0 10 1W 8 ? *", "2026-01-01T00:00", 1) == ["2026-08-03 10:00"]


def test_an_expression_comes_to_an_end() -> None:
    assert times("0 0 1 1 ? 2020", "2026-01-01T00:00", 1) == []
    assert times("0 0 30 2 ? *", "2026-01-01T00:00", 1) == []


def test_a_time_that_clocks_leave_out_is_left_out_and_one_that_comes_twice_counts_once() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert times("30 2 * * ? *", "2026-03-28T12:00", 2, berlin) == ["2026-03-30 02:30", "2026-03-31 02:30"]
    assert times("30 2 * * ? *", "2026-10-24T12:00", 2, berlin) == ["2026-10-25 02:30", "2026-10-26 02:30"]


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.sampled_from(["*", "0/7", "59", "1,30"]),
    hours=st.sampled_from(["*", "2", "1-3", "23"]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    seconds=st.integers(0, 2 * 366 * 86400),
)
def test_times_follow_one_another_and_lie_in_the_future(minutes: str, hours: str, zone: str, seconds: int) -> None:
    cron = parse_cron(f"{minutes} {hours} * * ? *", ZoneInfo(zone))
    moments: list[datetime] = [datetime.fromtimestamp(1_790_000_000 + seconds, UTC)]
    for _ in range(5):
        following = cron.after(moments[-1])
        assert following is not None
        moments.append(following)
    assert all(earlier < later for earlier, later in pairwise(moments))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 12 * * ?", "5 fields"),
        ("0 12 * * * *", "must be [?]"),
        ("0 12 ? * ? *", "must be [?]"),
        ("60 12 * * ? *", "minutes"),
        ("0 24 * * ? *", "hours"),
        ("0 12 0 * ? *", "day-of-month"),
        ("0 12 * 13 ? *", "month"),
        ("0 12 ? * 0 *", "day-of-week"),
        ("0 12 ? * MON#6 *", "day-of-week"),
        ("0 12 ? * FUNDAY *", "day-of-week"),
        ("0 12 * * ? 1969", "year"),
        ("0/0 12 * * ? *", "step"),
        ("0/x 12 * * ? *", "step"),
        (", 12 * * ? *", "minutes"),
    ],
)
def test_what_aws_would_refuse_is_refused(text: str, said: str) -> None:
    with pytest.raises(ScheduleSettingsError, match=said):
        parse_cron(text, UTC)
