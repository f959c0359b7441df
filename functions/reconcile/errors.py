"""Errors of this function alone.

::

    FunctionError
    └── WrongCommand    the function was invoked with something that is no command of it
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class WrongCommand(FunctionError):  # noqa: N818 - named by what is wrong
    """What the function was invoked with is no command of it; the message says what is."""
