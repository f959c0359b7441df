"""Errors of the drills.

DrillError              everything a drill raises on purpose; its text is fit to be shown
├── InvariantBroken     a promise was not kept; one line for each finding
├── NotRecovered        something did not come back in time
└── UnknownDrill        there is no drill of that name
"""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 20


class DrillError(Exception):
    """A drill could not go on; the message says what was wrong and where."""


class InvariantBroken(DrillError):  # noqa: N818 - named by what happened
    """The stores and the ledger disagree.

    Args:
        findings: one sentence for each.
    """

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        more = [f"... and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
        super().__init__("\n".join([*findings[:SHOWN], *more]))


class NotRecovered(DrillError):  # noqa: N818 - named by what happened
    """What was waited for did not happen in time."""


class UnknownDrill(DrillError):  # noqa: N818 - named by what is wrong
    """There is no drill of that name."""
