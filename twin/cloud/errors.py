"""Errors of the twin's cloud.

TwinError
└── CloudError                  a resource could not be made, changed or removed
    ├── InputError              the program gives a value that AWS would refuse
    ├── UnsupportedTypeError    a resource type, or a function call, that the twin does not know
    ├── ResourceError           the local service behind the resource refused or failed
    ├── IncompleteError         the resource was made, but not all of it
    ├── LostError               the resource is no longer there
    └── CancelledError          the user asked to stop
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.errors import TwinError

if TYPE_CHECKING:
    from twin.cloud.kind import Made


class CloudError(TwinError):
    """A resource could not be made, changed or removed."""


class InputError(CloudError):
    """A property has a value that AWS would refuse; the message names property, value and rule."""


class UnsupportedTypeError(CloudError):
    """A resource type (or invoked function) that carries data and that the twin cannot make real."""


class ResourceError(CloudError):
    """The local service behind a resource refused the request or failed."""


class IncompleteError(CloudError):
    """A resource was made, but a later step of making it failed. `made` is what there is."""

    def __init__(self, message: str, made: Made) -> None:
        super().__init__(message)
        self.made = made


class LostError(CloudError):
    """A resource is to be changed that the twin no longer has."""


class CancelledError(CloudError):
    """The user asked to stop before this was begun."""
