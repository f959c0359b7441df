"""Documents pass through without a change of value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.pattern.document import decode, decode_container, encode, encode_string_content

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_encode_is_the_inverse_of_decode(value: Any) -> None:
    assert json.loads(encode(decode(json.dumps(value)))) == value


@pytest.mark.parametrize("number", ["1500.00", "0.1000000000000000000000000001", "12345678901234567890.5"])
def test_no_digit_of_a_fraction_is_lost(number: str) -> None:
    assert encode(decode(f'{{"a": [{number}], "b": "é"}}')) == f'{{"a":[{number}],"b":"é"}}'


@pytest.mark.parametrize("text", ["5", '"a"', "null", "abc", "{", '{"a": NaN}', "", "[1"])
def test_only_objects_and_arrays_are_containers(text: str) -> None:
    assert decode_container(text) is None


def test_nesting_beyond_the_stack_is_not_json() -> None:
    assert decode_container("[" * 100_000) is None


@given(st.text())
def test_string_content_is_safe_between_quotes(text: str) -> None:
    assert json.loads(f'"{encode_string_content(text)}"') == text
