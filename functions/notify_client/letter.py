"""The mail about an order: subject, text and HTML, from the templates beside this module.

What a client calls itself is hostile until shown otherwise. Jinja2 escapes it in HTML. In all three parts it is one
line of visible characters, so that it starts no header and forges no line of the order; and a name that mail programs
would turn into a link is left out, or anybody could have this system send an advertisement to anybody.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from functions.common.events import OrderLine, OrderPlaced

_TEMPLATES = Path(__file__).parent / "templates"
# Embeddings, overrides and isolates: they make a text read otherwise than it is written.
_REORDERING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_has_link = re.compile(r"[/\\@]|\.\w\w").search
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Letter(NamedTuple):
    """A mail without its recipient."""

    subject: str
    text: str
    html: str


class Line(NamedTuple):
    """A line of the order as the templates show it; amounts are decimal text."""

    id_product: int
    quantity: int
    price: str
    amount: str


def order_letter(event: OrderPlaced) -> Letter:
    """The mail that confirms an order."""
    order = event.order
    values = {
        "name": shown_name(event.client.name),
        "id_order": order.id,
        "placed_at": _moment(order.placed_at),
        "lines": [_line(line) for line in order.lines],
        "total": order.total,
    }
    subject, text, html = (
        _environment().get_template(f"order_placed.{part}").render(values) for part in ("subject.txt", "txt", "html")
    )
    return Letter(subject, text, html)


def shown_name(name: str) -> str:
    """The name as one line of visible characters; empty if it could be taken for a link or an address."""
    visible = "".join(" " if _hidden(character) else character for character in name)
    # Separators of lines and paragraphs are white space too.
    line = " ".join(visible.split())
    return "" if _has_link(line) else line


def _hidden(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or unicodedata.bidirectional(character) in _REORDERING


def _line(line: OrderLine) -> Line:
    # Exact: a price has two decimals, and a quantity none.
    return Line(line.id_product, line.quantity, line.price, str(Decimal(line.price) * line.quantity))


def _moment(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    # Not by strftime, whose names of months follow the machine's locale.
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
