"""The body of POST /orders: JSON to lines that can be ordered.

Beyond what functions/common/body.py refuses: a product that stands in two lines is a 422. It is refused and not merged,
because it is a client's mistake more often than its wish, and it costs money.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from functions.common.body import MAX_ERRORS, Body, read_body
from functions.common.gateway import Request
from functions.common.problems import FieldError, Problem
from functions.place_order.command import MAX_ID, MAX_LINES, MAX_QUANTITY, Line


class ProductLine(Body):
    """One line."""

    id_product: Annotated[int, Field(ge=1, le=MAX_ID)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class OrderBody(Body):
    """The whole body."""

    id_client: Annotated[int, Field(ge=1, le=MAX_ID)]
    products: Annotated[list[ProductLine], Field(min_length=1, max_length=MAX_LINES)]


def read_order(request: Request) -> tuple[int, tuple[Line, ...]]:
    """The client's id and the lines; raises Problem 400, 413, 415 or 422."""
    body = read_body(request, OrderBody, invalid_order)
    lines = tuple(Line(line.id_product, line.quantity) for line in body.products)
    _refuse_repetition(lines)
    return body.id_client, lines


def invalid_order(errors: list[FieldError]) -> Problem:
    """422: JSON, but no order that can be placed."""
    return Problem(
        422, "invalid-order", "Invalid order", "The order cannot be placed as it stands; see errors.", errors
    )


def _refuse_repetition(lines: tuple[Line, ...]) -> None:
    first: dict[int, int] = {}
    errors = []
    for position, line in enumerate(lines):
        earlier = first.setdefault(line.id_product, position)
        if earlier != position:
            detail = f"Product {line.id_product} is already in products[{earlier}]; send one line for each product."
            errors.append(FieldError(("products", position, "id_product"), detail))
    if errors:
        raise invalid_order(errors[:MAX_ERRORS])
