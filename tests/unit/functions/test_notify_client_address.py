"""Which addresses a mail is sent to: the plain form only, as SES takes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.notify_client.address import deliverable


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("bob@anemailprovider.com", "bob@anemailprovider.com"),
        ("o'neill+orders@mail.shop.example", "o'neill+orders@mail.shop.example"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("a" * 64 + "@b.example", "a" * 64 + "@b.example"),
    ],
)
def test_a_plain_address_is_taken(address: str, taken: str) -> None:
    assert deliverable(address) == taken


@pytest.mark.parametrize(
    "address",
    [
        "", "bob", "@b.example", "bob@", "bob@localhost", "bob@b..example", "bob@-b.example", "bob@1.2.3.4",
        "a@b@c d.example",
        "bob@b.example, eve@e.example", "bob@b.example\r\nBcc: eve@e.example", "Bob <bob@b.example>", '"b b"@b.example',
        "bob@b.example ", " bob@b.example", "bøb@b.example", "bob@b.example\n", ".bob@b.example", "bo..b@b.example",
        "a" * 65 + "@b.example", "bob@" + ("a" * 63 + ".") * 4 + "example", "bob@" + "ü" * 300 + ".example",
        "bob@b.example\u3002\r\nx", "eve@e.example,bob@b.example",
    ],
)  # fmt: skip
def test_all_else_is_not(address: str) -> None:
    assert deliverable(address) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_taken_is_one_address_and_nothing_else(local: str, domain: str) -> None:
    taken = deliverable(f"{local}@{domain}")
    assert taken is None or (
        taken.isascii() and taken.count("@") == 1 and not set(taken) & set(' ,;:<>"()[]\\\r\n\t\0')
    )
