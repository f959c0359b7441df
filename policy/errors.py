"""What can go wrong when rules are run.

```
PolicyError
├── UnknownValueError    a rule looked at a value that only the deployment will tell
├── DocumentError        a policy document is not what AWS takes
└── NotFoundError        a resource that was asked for is not in the graph, or is there more than once
```
"""

from __future__ import annotations


class PolicyError(Exception):
    """Whatever stops a rule."""


class UnknownValueError(PolicyError):
    """A rule looked at a value that only the deployment will tell.

    Attributes:
        path: where the value stands in the resource's inputs.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known before the deployment")
        self.path = path


class DocumentError(PolicyError):
    """A policy document is not what AWS takes."""


class NotFoundError(PolicyError):
    """A resource that was asked for is not in the graph, or is there more than once."""
