"""Input templates render as the user guide of EventBridge says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.pipe.errors import PipeSettingsError
from twin.pipe.template import InputTemplate

FACTS = {
    "pipe-name": "orders",
    "pipe-arn": "arn:aws:pipes:us-east-1:000000000000:pipe/orders",
    "source-arn": "arn:s",
    "target-arn": "arn:t",
}
EVENT: dict[str, Any] = {
    "partitionKey": "7",
    "data": {
        "data": {
            "id": "e-1",
            "version": 12,
            "payload": '{"total": "1.50", "name": "B\\"ob"}',
            "lines": [{"n": 1}, {"n": 2}],
        },
        "metadata": {"record-type": "data"},
    },
}


class Rendering:
    def __init__(self, text: str) -> None:
        self.doubts: list[str] = []
        self._template = InputTemplate(text, FACTS, self.doubts.append)

    def of(self, event: dict[str, Any]) -> str:
        return self._template.render(event)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"id": <$.data.data.id>}', '{"id": "e-1"}'),
        ('{"version": <$.data.data.version>}', '{"version": 12}'),
        ('{"m": <$.data.metadata>}', '{"m": {"record-type":"data"}}'),
        ('{"type": <$.data.metadata.record-type>}', '{"type": "data"}'),
        ('{"n": <$.data.data.lines[1].n>}', '{"n": 2}'),
        ('{"n": <$.data.data.lines[*].n>}', '{"n": [1,2]}'),
        ('{"text": "order <$.data.data.id> of <$.partitionKey>"}', '{"text": "order e-1 of 7"}'),
        ('{"pipe": <aws.pipes.pipe-name>}', '{"pipe": "orders"}'),
        ('"Hello, <$.data.data.id>"', '"Hello, e-1"'),
        ("Hello, <$.data.data.id>", "Hello, e-1"),
        ("Hello", "Hello"),
        ("<$.data.data.id>", "e-1"),
        ('{"a": "x < y", "b": <$.partitionKey>}', '{"a": "x < y", "b": "7"}'),
        ('{"a": "\\"", "b": <$.partitionKey>}', '{"a": "\\"", "b": "7"}'),
    ],
)
def test_renders_as_documented(template: str, expected: str) -> None:
    assert Rendering(template).of(EVENT) == expected


def test_the_whole_event_is_a_value() -> None:
    assert json.loads(Rendering('{"event": <aws.pipes.event.json>}').of(EVENT)) == {"event": EVENT}


def test_the_time_of_ingestion_is_iso_8601() -> None:
    rendered = json.loads(Rendering('{"at": <aws.pipes.event.ingestion-time>}').of(EVENT))["at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rendered)


def test_json_text_in_a_column_is_not_parsed() -> None:
    rendering = Rendering('{"payload": <$.data.data.payload>, "total": <$.data.data.payload.total>}')
    assert json.loads(rendering.of(EVENT)) == {"payload": EVENT["data"]["data"]["payload"], "total": ""}
    assert len(rendering.doubts) == 1


def test_a_missing_part_is_reported_once() -> None:
    rendering = Rendering('{"a": <$.no.such.part>, "b": "<$.data.none>"}')
    assert json.loads(rendering.of(EVENT)) == {"a": "", "b": ""}
    rendering.of(EVENT)
    assert len(rendering.doubts) == 2


def test_an_object_as_the_whole_template_loses_its_quotes_with_a_warning() -> None:
    rendering = Rendering("<$.data.metadata>")
    assert rendering.of(EVENT) == "{record-type:data}"
    assert "not JSON" in rendering.doubts[0]


def test_quotes_inside_a_string_are_escaped() -> None:
    assert json.loads(Rendering('{"a": "<$.data.data.payload>"}').of(EVENT))["a"] == EVENT["data"]["data"]["payload"]


@pytest.mark.parametrize("template", ["<$.a..b>", "<$.a[x]>", "<aws.pipes.unknown>", "x" * 8193])
def test_refuses_what_aws_refuses(template: str) -> None:
    with pytest.raises(PipeSettingsError):
        InputTemplate(template, FACTS, lambda doubt: None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(JSON, JSON)
def test_any_event_makes_valid_json_with_its_values(data: Any, metadata: Any) -> None:
    rendering = Rendering('{"data": <$.data.data>, "metadata": <$.data.metadata>, "text": "[<$.data.data>]"}')
    rendered = json.loads(rendering.of({"data": {"data": data, "metadata": metadata}}))
    assert rendered["data"] == data
    assert rendered["metadata"] == metadata


@given(JSON)
def test_no_event_breaks_a_template(data: Any) -> None:
    event = {"data": data}
    rendered = Rendering('{"a": <$.data.x[0].*>, "b": "<$.data>", "c": <$.data[2]>}').of(event)
    assert set(json.loads(rendered)) == {"a", "b", "c"}
    Rendering("<$.data>").of(event)
    Rendering("text <$.data.x>").of(event)
