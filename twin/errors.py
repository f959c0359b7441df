"""Errors of the twin.

    TwinError                 everything the twin raises on purpose; its text is fit to be shown to a user
    ├── ProcessError          a local process did not start, did not become ready, or could not be stopped
    ├── FolderError           the twin's folder cannot be used: taken by another twin, not writable, disk full
    └── PortError             no free port on loopback

The packages below add their own branches in an `errors.py` of their own.
"""

from __future__ import annotations


class TwinError(Exception):
    """Something the twin could not do; the message says what was wrong, where, and what to do."""


class ProcessError(TwinError):
    """A local process did not start, did not become ready, or could not be stopped."""


class FolderError(TwinError):
    """The twin's folder cannot be used."""


class PortError(TwinError):
    """No free port on the loopback interface."""
