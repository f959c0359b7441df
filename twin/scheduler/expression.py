"""Schedule expressions: `rate(...)`, `cron(...)` and `at(...)`.

Source: "Schedule types in EventBridge Scheduler". A rate begins at once, or at the start date; its days have 24 hours,
whatever clocks do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from twin.scheduler.cron import parse_cron
from twin.scheduler.errors import ScheduleSettingsError

_RATE = re.compile(r"rate\(\s*(\d{1,9})\s+(minute|hour|day)s?\s*\)")
_CRON = re.compile(r"cron\((.*)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class Expression(Protocol):
    """The times of a schedule."""

    def after(self, moment: datetime) -> datetime | None:
        """Give the first time after a moment (both aware), in UTC; None if there is none."""
        ...


@dataclass(frozen=True)
class Rate:
    """Every `period`, from `begin` on."""

    period: timedelta
    begin: datetime

    def after(self, moment: datetime) -> datetime | None:
        """See `Expression`."""
        return (
            self.begin if moment < self.begin else self.begin + self.period * ((moment - self.begin) // self.period + 1)
        )


@dataclass(frozen=True)
class Once:
    """One moment."""

    moment: datetime

    def after(self, moment: datetime) -> datetime | None:
        """See `Expression`."""
        return self.moment if moment < self.moment else None


def parse(text: str, timezone: str) -> Callable[[datetime], Expression]:
    """Parse an expression for clocks of a time zone; gives what makes it, of the moment at which a rate begins.

    Raises:
        ScheduleSettingsError: the expression or the time zone is not one that AWS takes.
    """
    zone = _zone(timezone)
    if rate := _RATE.fullmatch(text):
        period = timedelta(**{f"{rate[2]}s": int(rate[1])})
        if not period:
            raise ScheduleSettingsError(f"The schedule's expression is {text}: the rate must be above 0.")
        return lambda begin: Rate(period, begin)
    if cron := _CRON.fullmatch(text):
        parsed = parse_cron(cron[1], zone)
        return lambda begin: parsed
    if at := _AT.fullmatch(text):
        try:
            once = Once(datetime.fromisoformat(at[1]).replace(tzinfo=zone).astimezone(UTC))
        except ValueError as error:
            raise ScheduleSettingsError(f"The schedule's expression is {text}: {error}.") from error
        return lambda begin: once
    raise ScheduleSettingsError(
        f"The schedule's expression is {text!r}; write rate(5 minutes), cron(0 12 * * ? *) or at(2030-01-31T12:00:00)."
    )


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # needs no table of time zones
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleSettingsError(f"The schedule's time zone is {name!r}, which is not a known one.") from error
