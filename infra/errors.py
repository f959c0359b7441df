"""Errors of the infrastructure program.

InfraError                 the program cannot go on; shown as one sentence, without a stack trace
├── ConfigError            the stack's configuration is wrong; lists every mistake
└── AccountError           something in the AWS account stands in the way
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


class InfraError(pulumi.RunError):
    """The program cannot go on."""


class ConfigError(InfraError):
    """The stack's configuration is wrong.

    Attributes:
        problems: one sentence for each mistake, in the order of the keys.
    """

    def __init__(self, stack: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"The configuration of stack {stack!r} has {len(self.problems)} mistake(s):{lines}")


class AccountError(InfraError):
    """Something in the AWS account stands in the way of a stack.

    Attributes:
        problems: one sentence for each, which says what it is and what to do.
    """

    def __init__(self, stack: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"The account is not ready for stack {stack!r}:{lines}")
