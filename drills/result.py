"""What a drill measured."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Result:
    """Figures of one drill.

    Attributes:
        recoveries: each fault with the seconds from its end until an order placed after it was readable.
        accepted: orders accepted, those settled by repeating their key included.
        refused: orders refused.
        settled: orders that were unknown and were settled by repeating their key.
        rest_s: seconds from the end of the load until every invariant held.
        repeated_mails: mails beyond one an order.
        retained: bytes of log that the slot kept at the end.
        notes: what else is worth telling.
        took_s: seconds of the whole drill.
    """

    recoveries: list[tuple[str, float]] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0
    settled: int = 0
    rest_s: float = 0.0
    repeated_mails: int = 0
    retained: int = 0
    notes: list[str] = field(default_factory=list)
    took_s: float = 0.0
