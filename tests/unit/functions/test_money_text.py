"""Amounts: as JSON numbers they have the same value, digit for digit."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.common.money import is_amount, json_number

CENTS = st.integers(0, 10**14 - 1)


@given(CENTS)
def test_an_amount_keeps_its_value(cents: int) -> None:
    amount = f"{cents // 100}.{cents % 100:02}"
    assert is_amount(amount)
    number = json_number(amount)
    assert json.loads(number, parse_float=Decimal) == Decimal(cents) / 100
    assert len(number.partition(".")[2]) in (1, 2)


@pytest.mark.parametrize(("amount", "number"), [("3000.00", "3000.0"), ("12.50", "12.5"), ("0.01", "0.01")])
def test_an_amount_is_written_as_the_api_has_it(amount: str, number: str) -> None:
    assert json_number(amount) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.000",
        "-1.00",
        "+1.00",
        "01.00",
        "1e2",
        "NaN",
        "1.00\n",
        "1.0\u0660",
        "1000000000000.00",
        None,
        1.0,
    ],
)
def test_nothing_else_is_an_amount(text: object) -> None:
    assert not is_amount(text)
    with pytest.raises(ValueError, match="not an amount"):
        json_number(text)
