"""Errors of the operator's commands.

    OpsError                  what a command could not do; its text is fit to be shown, `exit_code` is the command's
    ├── StackUnknown          3: no stack to work on: neither a running twin nor a stack of the Pulumi CLI
    ├── Unreachable           3: AWS or the twin does not answer, or not with these credentials
    ├── OutputMissing         3: the stack has no such output: it was deployed by an older program
    └── FunctionFailed        1: a function of the system was invoked and failed; `reason` has its own words

Source of the exit codes: README, "Operating".
"""

from __future__ import annotations

FINDINGS = 1
UNREACHABLE = 3


class OpsError(Exception):
    """Something a command could not do; the message says what was wrong, where, and what to do."""

    exit_code = UNREACHABLE


class StackUnknown(OpsError):  # noqa: N818 - named by what is wrong
    """There is no stack to work on."""


class Unreachable(OpsError):  # noqa: N818
    """AWS or the twin does not answer, or not with these credentials."""


class OutputMissing(OpsError):  # noqa: N818
    """The stack has no such output."""


class FunctionFailed(OpsError):  # noqa: N818
    """A function of the system was invoked and failed."""

    exit_code = FINDINGS

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"The function {function} failed: {reason}")
        self.function = function
        self.reason = reason
