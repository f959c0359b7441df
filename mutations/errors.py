"""Errors of the mutations.

::

    MutationError
    ├── MalformedPatch   a patch file lacks its promise, its tests or its change
    ├── StalePatch       the code that a patch changes is no longer there, or is there more than once
    └── UnsoundTests     tests fail without any mutation, so that their failing would say nothing
"""

from __future__ import annotations


class MutationError(Exception):
    """Root of the errors of `mutations`."""


class MalformedPatch(MutationError):  # noqa: N818 - named by what is wrong
    """A patch file cannot be read; the message names it and what it lacks."""


class StalePatch(MutationError):  # noqa: N818
    """A patch does not fit the code any more; the message names the file and the lines."""


class UnsoundTests(MutationError):  # noqa: N818
    """The tests fail on the code as it is."""
