"""The cron expressions of EventBridge Scheduler: six fields, days counted from Sunday, and the wildcards L, W and #.

Source: "Schedule types in EventBridge Scheduler", cron-based schedules and daylight savings time: a time that a
clock leaves out is left out, and one that comes twice counts once.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from twin.scheduler.errors import ScheduleSettingsError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIRST_YEAR, LAST_YEAR = 1970, 2199
FIELDS = ("minutes", "hours", "day-of-month", "month", "day-of-week", "year")

# The days of a month that a field names, of year and month.
Days = Callable[[int, int], frozenset[int]]


@dataclass(frozen=True)
class Cron:
    """A parsed expression; its times are those of clocks in `zone`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: frozenset[int]
    years: frozenset[int]
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """Give the first time after a moment (both aware), in UTC; None if there is none."""
        for day in self._days_from(moment.astimezone(self.zone).date()):
            for hour in self.hours:
                for minute in self.minutes:
                    shown = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    found = shown.astimezone(UTC)
                    exists = found.astimezone(self.zone).replace(tzinfo=None) == shown.replace(tzinfo=None)
                    if exists and found > moment:
                        return found
        return None

    def _days_from(self, start: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= start.year):
            for month in sorted(self.months):
                for number in sorted(self.days(year, month)):
                    day = date(year, month, number)
                    if day >= start:
                        yield day


def parse_cron(text: str, zone: tzinfo) -> Cron:
    """Parse what stands between the parentheses of `cron(...)`.

    Raises:
        ScheduleSettingsError: the expression is not one that AWS takes; the message names the field.
    """
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ScheduleSettingsError(f"cron({text}) has {len(fields)} fields; it must have six: {' '.join(FIELDS)}.")
    minutes, hours, day_of_month, month, day_of_week, year = (field.upper() for field in fields)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ScheduleSettingsError(f"cron({text}): exactly one of day-of-month and day-of-week must be ?.")
    days = _days_of_week(day_of_week) if day_of_month == "?" else _days_of_month(day_of_month)
    return Cron(
        minutes=tuple(sorted(_numbers("minutes", minutes, 0, 59))),
        hours=tuple(sorted(_numbers("hours", hours, 0, 23))),
        days=days,
        months=_numbers("month", month, 1, 12, MONTHS),
        years=_numbers("year", year, FIRST_YEAR, LAST_YEAR),
        zone=zone,
    )


def _numbers(field: str, text: str, least: int, most: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """The numbers of a field made of `*`, numbers, names, ranges, steps and commas."""

    def number(word: str) -> int:
        if word in names:
            return names.index(word) + least
        if not (word.isascii() and word.isdigit() and least <= int(word) <= most):
            raise _wrong(field, text, f"{word!r} is not from {least} to {most}")
        return int(word)

    found: set[int] = set()
    for part in text.split(","):
        base, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise _wrong(field, text, f"the step {step!r} is not a number above 0")
        low, dash, high = base.partition("-")
        if base == "*":
            first, last = least, most
        elif dash:
            first, last = number(low), number(high)
        else:
            first = number(base)
            last = most if slash else first
        # A range may run over the end, such as FRI-MON.
        span = range(first, last + 1) if first <= last else [*range(first, most + 1), *range(least, last + 1)]
        found.update(list(span)[:: int(step) if slash else 1])
    return frozenset(found)


def _days_of_month(text: str) -> Days:
    if text == "L":
        return lambda year, month: frozenset({calendar.monthrange(year, month)[1]})
    nearest = re.fullmatch(r"(\d{1,2})W", text)
    if nearest is not None:
        (wanted,) = _numbers("day-of-month", nearest[1], 1, 31)
        return lambda year, month: _nearest_weekday(year, month, wanted)
    numbers = _numbers("day-of-month", text, 1, 31)
    return lambda year, month: frozenset(day for day in numbers if day <= calendar.monthrange(year, month)[1])


def _nearest_weekday(year: int, month: int, wanted: int) -> frozenset[int]:
    """The weekday (Monday to Friday) nearest to a day, in the same month; none if the month lacks that day."""
    last = calendar.monthrange(year, month)[1]
    if wanted > last:
        return frozenset()
    weekday = date(year, month, wanted).weekday()
    if weekday == calendar.SATURDAY:
        return frozenset({wanted - 1 if wanted > 1 else wanted + 2})
    if weekday == calendar.SUNDAY:
        return frozenset({wanted + 1 if wanted < last else wanted - 2})
    return frozenset({wanted})


def _days_of_week(text: str) -> Days:
    last = re.fullmatch(r"(\w+)L", text)
    nth = re.fullmatch(r"(\w+)#([1-5])", text)
    if text == "L":
        return _weekdays(frozenset({7}))
    if last is not None:
        (day,) = _numbers("day-of-week", last[1], 1, 7, DAYS)
        return lambda year, month: frozenset({max(_weekdays(frozenset({day}))(year, month))})
    if nth is not None:
        (day,) = _numbers("day-of-week", nth[1], 1, 7, DAYS)
        place = int(nth[2])
        return lambda year, month: frozenset(sorted(_weekdays(frozenset({day}))(year, month))[place - 1 : place])
    return _weekdays(_numbers("day-of-week", text, 1, 7, DAYS))


def _weekdays(wanted: frozenset[int]) -> Days:
    """The days of a month on these days of the week, 1 being Sunday."""

    def days(year: int, month: int) -> frozenset[int]:
        every = range(1, calendar.monthrange(year, month)[1] + 1)
        return frozenset(day for day in every if (date(year, month, day).weekday() + 1) % 7 + 1 in wanted)

    return days


def _wrong(field: str, text: str, why: str) -> ScheduleSettingsError:
    return ScheduleSettingsError(f"The field {field} of a cron expression is {text!r}: {why}.")
