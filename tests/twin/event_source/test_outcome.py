"""Which messages fail, by the conditions of the Lambda developer guide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.event_source.outcome import failed_messages

IDS = ["a", "b", "c"]
ALL = set(IDS)


def failed(response: Any, *, error: bool = False, report: bool = True) -> set[str]:
    payload = response if isinstance(response, bytes) else json.dumps(response).encode()
    return failed_messages(payload, IDS, function_error=error, report_failures=report)


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, b"", {"x": 1}])
def test_complete_success(response: Any) -> None:
    assert failed(response) == set()


@pytest.mark.parametrize(
    "response",
    [
        b"no json",
        "text",
        [],
        5,
        {"batchItemFailures": {"itemIdentifier": "a"}},
        {"batchItemFailures": "a"},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": [None]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": 5}]},
        {"batchItemFailures": [{"identifier": "a"}]},
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]},
    ],
)
def test_complete_failure(response: Any) -> None:
    assert failed(response) == ALL


def test_partial_failure() -> None:
    failures = [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}, {"itemIdentifier": "a"}]
    assert failed({"batchItemFailures": failures}) == {"a", "c"}


def test_an_error_fails_the_whole_batch_whatever_was_answered() -> None:
    assert failed({"batchItemFailures": []}, error=True) == ALL
    assert failed(None, error=True, report=False) == ALL


def test_without_reporting_the_answer_does_not_count() -> None:
    assert failed({"batchItemFailures": [{"itemIdentifier": "a"}]}, report=False) == set()
    assert failed(b"no json", report=False) == set()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["batchItemFailures", "itemIdentifier", "x"]), inner, max_size=3)
        ),
    )
)
def test_any_answer_gives_messages_of_the_batch(response: Any) -> None:
    assert failed(response) <= ALL
