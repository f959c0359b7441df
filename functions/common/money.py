"""Amounts: decimal text with two decimals wherever they are kept, JSON numbers in answers, never floats."""

from __future__ import annotations

import re
from functools import lru_cache

# At most 12 digits before the point, as numeric(14, 2) has; no sign, no needless zero in front.
AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,11})\.[0-9]{2}", re.ASCII)


def is_amount(text: object) -> bool:
    """Whether this is an amount as events and the read model carry it, such as "3000.00"."""
    return isinstance(text, str) and AMOUNT.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # prices of a catalogue come again and again
def json_number(amount: str) -> str:
    """The amount as the text of a JSON number with one decimal at least: "3000.00" to 3000.0, "12.25" to 12.25.

    Digits are moved as text: no value is rounded on the way. Raises ValueError for anything but an amount.
    """
    if not is_amount(amount):
        raise ValueError(f"{amount!r} is not an amount with two decimals.")
    return amount.removesuffix("0")
