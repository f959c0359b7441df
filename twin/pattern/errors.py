"""Errors of event patterns.

    TwinError                 (twin.errors)
    └── PatternError          a filter pattern that AWS would refuse; the message names the place in it

A pattern that is refused here would be refused by AWS when the pipe or mapping is made.
"""

from __future__ import annotations

from twin.errors import TwinError


class PatternError(TwinError):
    """A filter pattern is not one that EventBridge takes."""
