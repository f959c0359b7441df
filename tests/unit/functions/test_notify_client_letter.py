"""The mail about an order: what it says, and what a hostile name cannot make of it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.common.events import OrderPlaced, decode
from functions.notify_client.letter import Letter, order_letter, shown_name
from tests.functions.samples import message, order_placed

TEXT = """\
Hello Bob,

thank you for your order 7, placed on 21 November 2026, 06:30 UTC.

1 x product 1 at 1500.00: 1500.00
3 x product 2 at 500.00: 1500.00

Total: 3000.00

You get this mail because an order was placed for your account. Nothing is left for you to do."""


class Words(HTMLParser):
    """The tags of a page, and what a reader sees of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def letter(name: str = "Bob", lines: list[dict[str, Any]] | None = None) -> Letter:
    payload = order_placed(name=name, id_order=7)
    if lines is not None:
        payload["data"]["order"]["lines"] = lines
    event = decode(message(payload))
    assert isinstance(event, OrderPlaced)
    return order_letter(event)


def test_the_mail_names_the_order_and_all_of_its_lines() -> None:
    made = letter()
    assert made.subject == "Your order 7"
    assert made.text == TEXT
    seen = " ".join(Words(made.html).words)
    assert "Hello Bob, thank you for your order 7, placed on 21 November 2026, 06:30 UTC." in seen
    assert "Quantity Product Price Amount 1 1 1500.00 1500.00 3 2 500.00 1500.00 Total 3000.00" in seen


def test_amounts_are_exact_at_their_largest() -> None:
    made = letter(
        lines=[{"id": 2**63 - 1, "price": "9999999999.99", "qty": 9999}, {"id": 1, "price": "0.00", "qty": 1}]
    )
    assert "9999 x product 9223372036854775807 at 9999999999.99: 99989999999900.01\n" in made.text
    assert "1 x product 1 at 0.00: 0.00\n" in made.text


def test_a_hundred_lines_are_all_shown() -> None:
    made = letter(lines=[{"id": number, "price": "1.00", "qty": number} for number in range(1, 101)])
    assert [line.split()[0] for line in made.text.splitlines() if " x product " in line] == [
        str(number) for number in range(1, 101)
    ]
    assert made.html.count("<tr>") == 102


@pytest.mark.parametrize(
    "name", ["<b>Bob</b>", '"><img src=x onerror=alert(1)>', "Bob & Sons <script>", "{{ 7 * 7 }}{% x %}"]
)
def test_markup_in_a_name_stays_text(name: str) -> None:
    made = letter(name)
    assert Words(made.html).tags == Words(letter().html).tags
    assert "49" not in made.text


def test_a_name_is_shown_as_it_is_written() -> None:
    assert shown_name("  Zoë  O'Neill-Łukasz 李 ") == "Zoë O'Neill-Łukasz 李"
    assert "Hello Bob &amp; Sons," in letter("Bob & Sons").html
    assert "Hello Bob & Sons," in letter("Bob & Sons").text


@pytest.mark.parametrize("name", ["Bob\r\nBcc: victim", "Bob\u2028Total: 0", "Bob\x0b\x0cx", "Bob\x1b[2Jx", "Bob\x00x"])
def test_a_name_cannot_start_a_line_or_a_header(name: str) -> None:
    made = letter(name)
    assert "\n" not in made.subject
    assert len(made.text.splitlines()) == len(TEXT.splitlines())
    assert "\x1b" not in made.text
    assert "\x00" not in made.text


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u202a", "\u2069"])
def test_a_name_cannot_turn_the_reading_order(mark: str) -> None:
    made = letter(f"Bob{mark}0003")
    assert mark not in made.text + made.html
    assert "Hello Bob 0003," in made.text


@pytest.mark.parametrize(
    "name",
    ["Win at http://evil.example", "www.evil.example", "call me@evil.example", "evil.example", "a\\\\evil\\share"],
)
def test_a_name_that_becomes_a_link_is_left_out(name: str) -> None:
    made = letter(name)
    assert made.text.startswith("Hello,\n")
    assert "Hello," in made.html
    assert "evil" not in made.text + made.html + made.subject


def test_a_name_with_an_initial_is_no_link() -> None:
    assert shown_name("Dr. J. R. Smith Jr.") == "Dr. J. R. Smith Jr."


@given(name=st.text(min_size=1, max_size=100))
def test_whatever_the_name_the_mail_keeps_its_form(name: str) -> None:
    made = letter(name)
    assert made.subject == "Your order 7"
    assert len(made.text.splitlines()) == len(TEXT.splitlines())
    assert made.text.splitlines()[1:] == TEXT.splitlines()[1:]
    assert Words(made.html).tags == Words(letter().html).tags
