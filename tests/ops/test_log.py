"""What counts as a complaint of a function: lines of the functions, of Lambda on AWS, and of Lambda on the twin."""

from __future__ import annotations

import json

import pytest

from ops.log import Complaint, complaints


def lines(*texts: str) -> list[tuple[int, str]]:
    return list(enumerate(texts, start=1_000))


def test_equal_complaints_are_counted_whatever_else_differs() -> None:
    entries = [
        {"level": "ERROR", "message": "batch not projected", "reason": "no answer", "request_id": str(number)}
        for number in range(3)
    ]
    ((complaint, told),) = complaints(lines(*map(json.dumps, entries))).items()
    assert complaint == Complaint("ERROR", "batch not projected: no answer")
    assert (told.times, told.first_ms, told.last_ms) == (3, 1_000, 1_002)


@pytest.mark.parametrize(
    "usual",
    [
        '{"level": "INFO", "message": "batch projected", "reason": "x"}',
        '{"_aws": {"CloudWatchMetrics": []}, "service": "place_order", "OrdersPlaced": [1]}',
        '{"time": "t", "type": "platform.report", "record": {"requestId": "r", "status": "success"}}',
        "START RequestId: e22cbe35 Version: $LATEST",
        "END RequestId: e22cbe35",
        "REPORT RequestId: e22cbe35 Duration: 1 ms",
        "INIT_START Runtime Version: python:3.13",
        "",
    ],
)
def test_what_is_usual_is_no_complaint(usual: str) -> None:
    assert complaints(lines(usual)) == {}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"level": "WARNING", "message": "kept", "reason": "old"}', "kept: old"),
        ('{"level": "ERROR", "errorType": "KeyError", "errorMessage": "\'x\'", "stackTrace": []}', "KeyError: 'x'"),
        (
            '{"type": "platform.report", "record": {"requestId": "r", "status": "timeout"}}',
            "Lambda ended an invocation: timeout (platform.report)",
        ),
        ("2026-11-21T13:00:00Z e22c Task timed out after 3.00 seconds",) * 2,
        ('{"level": "ERR', '{"level": "ERR'),
    ],
)
def test_what_is_not_is(line: str, text: str) -> None:
    assert [complaint.text for complaint in complaints(lines(line))] == [text]


def test_a_traceback_is_one_complaint_its_last_line() -> None:
    text = 'Traceback (most recent call last):\n  File "x.py", line 1, in run\n    f()\n    ^^^\nValueError: no'
    assert [each.text for each in complaints(lines(*text.splitlines(), "END RequestId: 1"))] == ["ValueError: no"]
