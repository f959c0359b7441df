"""Errors of the in-process driver.

TwinError
└── DriverError
    ├── ConfigurationError    the stack's configuration cannot be read
    └── ProgramError          the program itself failed, before or between its resources
"""

from __future__ import annotations

from twin.errors import TwinError


class DriverError(TwinError):
    """The program could not be run."""


class ConfigurationError(DriverError):
    """The stack's configuration cannot be read, or has a value that the twin cannot decrypt."""


class ProgramError(DriverError):
    """The Pulumi program failed; the message is its own."""
