"""Errors of the twin's cloud.

TwinError
└── CloudError                  a resource could not be made, changed or removed
    ├── InputError              the program gives a value that AWS would refuse
    ├── UnsupportedTypeError    a resource type, or a function call, that the twin does not know
    └── ResourceError           the local service behind the resource refused or failed
"""

from __future__ import annotations

from twin.errors import TwinError


class CloudError(TwinError):
    """A resource could not be made, changed or removed."""


class InputError(CloudError):
    """A property has a value that AWS would refuse; the message names property, value and rule."""


class UnsupportedTypeError(CloudError):
    """A resource type (or invoked function) that carries data and that the twin cannot make real."""


class ResourceError(CloudError):
    """The local service behind a resource refused the request or failed."""
