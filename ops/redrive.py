"""What became of a letter that was given on again."""

from __future__ import annotations

from dataclasses import dataclass

from ops.dead_letters import Letter


@dataclass(frozen=True)
class Outcome:
    """`reason` says why the letter failed again and stays in its queue; None: it was taken, and may be deleted."""

    letter: Letter
    reason: str | None
