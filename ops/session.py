"""What a command has at hand: its stack, clients of its AWS, and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from rich.console import Console

from ops.aws import Aws
from ops.stack import Stack


class Session:
    """One run of a command. The stack is looked for (`find`) when first needed, so that `--help` needs none."""

    def __init__(self, find: Callable[[], Stack]) -> None:
        self._find = find
        self.console = Console(highlight=False)

    def say(self, text: str, style: str | None = None) -> None:
        """Print text as it is: what looks like markup is none, and a pipe gets each line whole."""
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    @cached_property
    def stack(self) -> Stack:
        """The stack that is meant. Raises StackUnknown."""
        return self._find()

    @cached_property
    def aws(self) -> Aws:
        """Clients of the stack's AWS, with credentials of its account. Raises Unreachable."""
        aws = Aws(self.stack)
        aws.check_account()
        return aws
