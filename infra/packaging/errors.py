"""Errors of the packaging.

PackagingError    a function's zip cannot be built
"""

from __future__ import annotations


class PackagingError(Exception):
    """A function's zip cannot be built; the message says which, why, and what to do."""
