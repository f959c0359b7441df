"""Event patterns match what EventBridge's user guide says they match."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.pattern import FilterCriteria, PatternError, compile_pattern
from twin.pattern.document import decode

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def matches(pattern: Any, event: Any) -> bool:
    return compile_pattern(json.dumps(pattern))(decode(json.dumps(event)))


OUTBOX = {
    "partitionKey": "7",
    "data": {
        "data": {"id": "e-1", "version": 12, "note": None, "tags": ["new", "web"]},
        "metadata": {"record-type": "data", "operation": "insert", "table-name": "outbox"},
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"data": {"metadata": {"record-type": ["data"], "operation": ["load", "insert"]}}}, True),
        ({"data": {"metadata": {"record-type": ["control"]}}}, False),
        ({"data": {"metadata": {"operation": ["insert"], "table-name": ["client"]}}}, False),
        ({"partitionKey": ["7"]}, True),
        ({"partitionKey": [7]}, False),
        ({"data": {"data": {"version": [12]}}}, True),
        ({"data": {"data": {"version": ["12"]}}}, False),
        ({"data": {"data": {"note": [None]}}}, True),
        ({"data": {"data": {"id": [None]}}}, False),
        ({"data": {"data": {"tags": ["web"]}}}, True),
        ({"data": {"data": {"tags": ["shop"]}}}, False),
        ({"data": {"data": {"id": [{"prefix": "e-"}]}}}, True),
        ({"data": {"data": {"id": [{"prefix": "E-"}]}}}, False),
        ({"data": {"data": {"id": [{"prefix": {"equals-ignore-case": "E-"}}]}}}, True),
        ({"data": {"data": {"id": [{"suffix": "-1"}]}}}, True),
        ({"data": {"data": {"id": [{"suffix": "-2"}]}}}, False),
        ({"data": {"data": {"id": [{"equals-ignore-case": "E-1"}]}}}, True),
        ({"data": {"data": {"id": [{"wildcard": "e*1"}]}}}, True),
        ({"data": {"data": {"id": [{"wildcard": "*2"}]}}}, False),
        ({"data": {"data": {"version": [{"numeric": [">", 11, "<=", 12]}]}}}, True),
        ({"data": {"data": {"version": [{"numeric": [">", 12]}]}}}, False),
        ({"data": {"data": {"version": [{"numeric": ["=", 12.0]}]}}}, True),
        ({"data": {"data": {"id": [{"numeric": [">", 0]}]}}}, False),
        ({"data": {"data": {"version": [{"anything-but": 12}]}}}, False),
        ({"data": {"data": {"version": [{"anything-but": [1, 2]}]}}}, True),
        ({"data": {"data": {"id": [{"anything-but": ["e-1", "e-2"]}]}}}, False),
        ({"data": {"data": {"id": [{"anything-but": {"prefix": "e"}}]}}}, False),
        ({"data": {"data": {"id": [{"anything-but": {"suffix": ["-2", "-3"]}}]}}}, True),
        ({"data": {"data": {"missing": [{"anything-but": "x"}]}}}, False),
        ({"data": {"data": {"id": [{"exists": True}]}}}, True),
        ({"data": {"data": {"missing": [{"exists": True}]}}}, False),
        ({"data": {"data": {"missing": [{"exists": False}]}}}, True),
        ({"nothing": {"here": [{"exists": False}]}}, True),
        ({"data": {"data": {"note": [{"exists": True}]}}}, True),
        # "Exists matching only works on leaf nodes": an object is none.
        ({"data": {"data": [{"exists": True}]}}, False),
        ({"data": {"data": [{"exists": False}]}}, True),
        ({"$or": [{"partitionKey": ["8"]}, {"data": {"data": {"version": [12]}}}]}, True),
        ({"$or": [{"partitionKey": ["8"]}, {"partitionKey": ["9"]}]}, False),
        ({"partitionKey": ["7"], "$or": [{"partitionKey": ["8"]}, {"partitionKey": ["9"]}]}, False),
        ({"partitionKey": ["8", {"prefix": "7"}]}, True),
    ],
)
def test_matches_as_documented(pattern: Any, expected: bool) -> None:
    assert matches(pattern, OUTBOX) is expected


def test_fields_of_one_element_of_an_array_match_together() -> None:
    pattern = {"lines": {"product": [1], "quantity": [3]}}
    assert matches(pattern, {"lines": [{"product": 2, "quantity": 1}, {"product": 1, "quantity": 3}]})
    assert not matches(pattern, {"lines": [{"product": 1, "quantity": 1}, {"product": 2, "quantity": 3}]})


def test_booleans_are_neither_numbers_nor_texts() -> None:
    assert matches({"a": [True]}, {"a": True})
    assert not matches({"a": [1]}, {"a": True})
    assert not matches({"a": ["true"]}, {"a": True})
    assert not matches({"a": [{"numeric": ["=", 1]}]}, {"a": True})


def test_numbers_are_equal_by_their_text_and_in_ranges_by_value() -> None:
    # Beyond the digits of a binary float.
    assert matches({"a": [{"numeric": [">", 0.1]}]}, {"a": 0.2})
    event = decode('{"a": 0.10000000000000000001}')
    assert compile_pattern('{"a": [{"numeric": [">", 0.1]}]}')(event)
    assert not compile_pattern('{"a": [0.1]}')(event)


def test_wildcard_takes_an_escaped_star_literally() -> None:
    assert matches({"a": [{"wildcard": "1\\**"}]}, {"a": "1*2"})
    assert not matches({"a": [{"wildcard": "1\\**"}]}, {"a": "112"})


def test_cidr() -> None:
    assert matches({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.0.17"})
    assert not matches({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.1.17"})
    assert not matches({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "no address"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"a"',
        "{}",
        '{"a": "x"}',
        '{"a": 1}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [[1]]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": ""}]}',
        '{"a": [{"unknown": "x"}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"exists": "yes"}]}',
        '{"a": [{"exists": true, "prefix": "x"}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["!", 1]}]}',
        '{"a": [{"numeric": ["<", 5, ">", 1]}]}',
        '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"numeric": [">", 1e12]}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": ["x", 1]}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        '{"a": [{"wildcard": "x**"}]}',
        '{"a": [{"cidr": "10.0.0"}]}',
        '{"$or": [{"a": [1]}]}',
        '{"$or": [1, 2]}',
        '{"a": [NaN]}',
        json.dumps({"a": ["x" * 4100]}),
    ],
)
def test_refuses_what_aws_refuses(text: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(text)


EVERY_OPERATOR = compile_pattern(
    json.dumps(
        {
            "$or": [
                {"a": [{"prefix": "x"}, {"suffix": "y"}, {"wildcard": "*z*"}, {"equals-ignore-case": "Q"}]},
                {"a": {"b": [{"numeric": [">", 0]}, {"anything-but": [1, 2]}, {"exists": False}, None, True, 1, "s"]}},
                {"c": [{"cidr": "::/0"}, {"anything-but": {"prefix": "p"}}]},
            ]
        }
    )
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "$or"]), DOCUMENTS) | DOCUMENTS)
def test_any_document_is_decided(document: Any) -> None:
    assert EVERY_OPERATOR(document) in (True, False)


@given(st.dictionaries(st.text(min_size=1, max_size=4).filter(lambda key: key != "$or"), SCALARS, min_size=1))
def test_a_document_matches_the_pattern_of_its_own_values(document: dict[str, Any]) -> None:
    assert matches({key: [value] for key, value in document.items()}, document)


@given(st.text(max_size=6) | st.integers(-100, 100), st.text(min_size=1, max_size=6) | st.integers(-100, 100))
def test_anything_but_is_the_opposite_of_equal_where_there_is_a_value(value: Any, other: Any) -> None:
    assert matches({"a": [{"anything-but": other}]}, {"a": value}) is not matches({"a": [other]}, {"a": value})


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_ranges_compare_exactly(value: Decimal, bound: Decimal) -> None:
    found = compile_pattern(f'{{"a": [{{"numeric": ["<", {bound:f}]}}]}}')({"a": value})
    assert found is (value < bound)


def test_one_of_the_filters_must_match() -> None:
    criteria = FilterCriteria(['{"a": [1]}', '{"b": [2]}'])
    assert criteria.matches({"a": 1})
    assert criteria.matches({"b": 2})
    assert not criteria.matches({"a": 2, "b": 1})
    assert FilterCriteria([]).matches({"a": 3})


def test_a_stream_is_filtered_by_fields_of_its_data_only() -> None:
    with pytest.raises(PatternError, match="data"):
        FilterCriteria(['{"data": ["text"]}'], json_field="data")
    with pytest.raises(PatternError, match="eventID"):
        FilterCriteria(['{"$or": [{"eventID": ["x"]}, {"a": [1]}]}'], refused_fields=frozenset({"eventID"}))
    with pytest.raises(PatternError, match="6 filters"):
        FilterCriteria(['{"a": [1]}'] * 6)
