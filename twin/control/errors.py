"""Errors of the control service, as AWS words them.

TwinError
└── ControlError      an API call is refused: `code` and `status` are what AWS answers with
"""

from __future__ import annotations

from twin.errors import TwinError


class ControlError(TwinError):
    """An API call is refused.

    Args:
        code: error code of the service's API model.
        message: what was wrong.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
