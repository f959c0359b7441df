"""Errors of the emulator.

    TwinError                 (twin.errors)
    └── EmulatorError         ministack is missing something that the twin puts right, or was used wrongly

Its message says which release the twin was tested with, or which input is wrong.
"""

from __future__ import annotations

from twin.errors import TwinError


class EmulatorError(TwinError):
    """The emulator cannot be run as the twin needs it."""
