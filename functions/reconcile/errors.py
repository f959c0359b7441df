"""Errors of this function alone.

::

    FunctionError
    ├── WrongCommand    the function was invoked with something that is no command of it
    └── NoRoom          the cache is too small for a second generation of the read model
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class WrongCommand(FunctionError):  # noqa: N818 - named by what is wrong
    """What the function was invoked with is no command of it; the message says what is."""


class NoRoom(FunctionError):  # noqa: N818 - named by what is wrong
    """The cache is too small for two generations; the message has both figures."""
