"""The table of prices, and a line of a bill."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from cost.errors import NoPriceError

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Price:
    """What one unit costs.

    Attributes:
        page: AWS's page that lists it.
        source: key of `sources` in prices.json: where the figure was read.
    """

    key: str
    usd: Decimal
    per: str
    page: str
    source: str


@dataclass(frozen=True)
class Line:
    """One line of a bill: so much of something at a price, in US dollars."""

    what: str
    quantity: Decimal
    price: Price

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.price.usd


@cache
def table() -> dict[str, Price]:
    """Read prices.json."""
    content = json.loads(FILE.read_text())["prices"]
    return {
        key: Price(key, Decimal(entry["usd"]), entry["per"], entry["page"], entry["source"])
        for key, entry in content.items()
    }


def line(what: str, quantity: Decimal | int, key: str) -> Line:
    """Price a quantity.

    Raises:
        NoPriceError: the table has no such price.
    """
    try:
        price = table()[key]
    except KeyError:
        raise NoPriceError(
            f"cost/prices.json has no price {key!r} ({what}): look it up on AWS's pricing page and add it."
        ) from None
    return Line(what, Decimal(quantity), price)


def total(lines: list[Line]) -> Decimal:
    """Sum of the lines, in US dollars."""
    return sum((each.amount for each in lines), Decimal(0))
