"""Errors of the event source mapping.

    TwinError                 (twin.errors)
    └── MappingSettingsError  the mapping's settings are not ones that AWS, or the twin, would take

A function that fails is no error of the mapping: its messages become visible again when their timeout ends.
"""

from __future__ import annotations

from twin.errors import TwinError


class MappingSettingsError(TwinError):
    """The settings of the mapping are not ones that AWS, or the twin, would take."""
