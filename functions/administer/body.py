"""The bodies of the administration's requests: names, e-mail addresses and prices within their bounds.

The database has checks of its own on what it stores (migrations/0001_tables.sql); what passes here passes there.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from functions.common.body import Body

MAX_PRICE = Decimal("9999999999.99")

_PRICE = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,2})?", re.ASCII)
# Control characters, and the two that end lines; lone surrogates are no text and are refused by pydantic.
_UNPRINTABLE = ("Cc", "Zl", "Zp")


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError("a name must have a character that can be seen")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        raise ValueError("a name must not have control characters")
    return text


def _email(text: str) -> str:
    local, _, domain = text.partition("@")
    if not (local and domain and "@" not in domain and text.isprintable() and " " not in text):
        raise ValueError("an e-mail address must be like name@domain, without spaces")
    return text


def _price(value: Any) -> Decimal:
    """A JSON number or a text; never a float: `body.read_body` makes Decimals."""
    if type(value) is str and _PRICE.fullmatch(value):
        value = Decimal(value)
    if type(value) is int or type(value) is Decimal:
        # The bounds come first: an exponent of a billion must not be written out. abs: -0 is 0.
        price = Decimal(value)
        if 0 <= price <= MAX_PRICE and price == (cents := price.quantize(Decimal("0.01"))):
            return abs(cents)
    raise ValueError(f"a price must be a number or a decimal text from 0 to {MAX_PRICE} with two decimals at most")


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_name)]
Email = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_email)]
Price = Annotated[Decimal, BeforeValidator(_price)]


class _Change(Body):
    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        # An absent member has not come here.
        if value is None:
            raise ValueError("leave it out to keep what there is; null is no value")
        return value

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"name one at least of {', '.join(type(self).model_fields)}")
        return self


class NewClient(Body):
    """POST /clients."""

    name: Name
    email: Email


class ClientChange(_Change):
    """PATCH /clients/{id}; a member that is absent is None here, one that is null is refused."""

    name: Name | None = None
    email: Email | None = None


class NewProduct(Body):
    """POST /products."""

    name: Name
    price: Price


class ProductChange(_Change):
    """PATCH /products/{id}; as `ClientChange`."""

    name: Name | None = None
    price: Price | None = None
