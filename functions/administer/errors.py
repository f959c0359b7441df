"""Why a command of the administration is refused.

::

    AdministrationRefused
    ├── UnknownClient      no client has the id
    ├── UnknownProduct     no product has the id
    ├── KeyReused          the caller used this Idempotency-Key for another request
    └── AnotherVersion     the client has not the version that the caller expects; `version` is the one it has
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class AdministrationRefused(FunctionError):  # noqa: N818 - named by what happened
    """The command was understood and is not carried out; nothing was stored."""


class UnknownClient(AdministrationRefused):
    """No client has the id."""


class UnknownProduct(AdministrationRefused):
    """No product has the id."""


class KeyReused(AdministrationRefused):
    """The caller used this Idempotency-Key for another request."""


class AnotherVersion(AdministrationRefused):
    """The client has not the version that the caller expects."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The client has version {version}")
        self.version = version
