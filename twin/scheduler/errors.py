"""Errors of the scheduler.

    TwinError                  (twin.errors)
    └── ScheduleSettingsError  the schedule is not one that AWS, or the twin, would take

A function that cannot be invoked is no error of the scheduler: it tries again, and then writes a dead letter.
"""

from __future__ import annotations

from twin.errors import TwinError


class ScheduleSettingsError(TwinError):
    """The settings of the schedule are not ones that AWS, or the twin, would take."""
