"""A released event stays readable: what may change in its schema, and what is found when it should not have."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contract import release
from contract.evolution import RELEASED, SCHEMAS, broken, read
from functions.common.events import ORDER_PLACED, decode
from tests.functions.samples import decode_order, message, order_placed

ORDER = "order_placed.v1.schema.json"
Schema = dict[str, Any]


def test_every_released_schema_is_kept_and_nothing_in_it_breaks_a_reader() -> None:
    released, current = read(RELEASED), read(SCHEMAS)
    assert released.keys() == current.keys(), "Release a new type: python -m contract.release"
    assert {name: broken(schema, current[name]) for name, schema in released.items()} == {key: [] for key in released}


def order_schema() -> Schema:
    """A copy to change."""
    return copy.deepcopy(dict(read(SCHEMAS)[ORDER]))


def order(schema: Schema) -> Schema:
    found: Schema = schema["properties"]["data"]["properties"]["order"]["properties"]
    return found


def client(schema: Schema) -> Schema:
    found: Schema = schema["properties"]["data"]["properties"]["client"]
    return found


BREAKS: dict[str, tuple[Callable[[Schema], object], str]] = {
    "a member more is required": (lambda s: client(s)["required"].append("phone"), "event.data.client: required"),
    "a member is required no more": (lambda s: client(s)["required"].remove("email"), "event.data.client: required"),
    "a type is changed": (lambda s: client(s)["properties"]["name"].update(type="integer"), "event.data.client.name: "),
    "a type is widened": (
        lambda s: client(s)["properties"]["name"].update(type=["string", "null"]), "event.data.client.name: type"
    ),
    "a member is gone": (lambda s: client(s)["properties"].pop("total"), "event.data.client.total: is gone"),
    "an optional member is gone": (lambda s: s["properties"].pop("traceparent"), "event.traceparent: is gone"),
    "an enum is narrowed": (lambda s: client(s)["properties"]["kind"]["enum"].pop(), "event.data.client.kind: enum"),
    "an enum is widened": (
        lambda s: client(s)["properties"]["kind"]["enum"].append("c"), "event.data.client.kind: enum"
    ),
    "a constant is changed": (lambda s: s["properties"]["source"].update(const="shop"), "event.source: const"),
    "a definition is narrowed": (lambda s: s["$defs"]["count"].update(maximum=100), "event.data.client.id: maximum"),
    "lines are fewer": (
        lambda s: order(s)["lines"].update(maxItems=50),
        "event.data.order.lines: maxItems",
    ),
    "a line is changed": (
        lambda s: order(s)["lines"]["items"]["properties"].pop("qty"),
        "event.data.order.lines[].qty: is gone",
    ),
    "nothing more is allowed": (lambda s: client(s).update(additionalProperties=False), "additionalProperties"),
    "a word nobody here knows": (lambda s: client(s).update(minProperties=8), "minProperties"),
}  # fmt: skip


@pytest.mark.parametrize("change", BREAKS)
def test_a_breaking_change_is_found_with_its_place(change: str) -> None:
    released = order_schema()
    client(released)["properties"]["kind"] = {"enum": ["a", "b"]}
    current = copy.deepcopy(released)
    do, place = BREAKS[change]
    do(current)
    found = broken(released, current)
    assert any(place in each for each in found)


def additive() -> Schema:
    """OrderPlaced.v1 with a member more, and other words."""
    schema = order_schema()
    client(schema)["properties"]["phone"] = {"type": "string"}
    client(schema)["description"] = "Whoever ordered."
    client(schema)["required"].reverse()
    return schema


def test_a_member_more_is_read_by_old_code_and_a_member_less_by_new_code() -> None:
    assert broken(order_schema(), additive()) == []
    old, new = order_placed(), order_placed()
    new["data"]["client"]["phone"] = "+49 30 1"
    for schema in (order_schema(), additive()):
        for event in (old, new):
            Draft202012Validator(schema).validate(event)
    assert decode_order(new) == decode_order(old)


def test_definitions_may_be_named_and_placed_otherwise() -> None:
    schema = order_schema()
    schema["$defs"]["number"] = schema["$defs"].pop("count")
    current = json.loads(json.dumps(schema).replace("#/$defs/count", "#/$defs/number"))
    assert broken(order_schema(), current) == []


def test_a_release_keeps_what_is_added_and_refuses_what_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, kept = tmp_path / "code", tmp_path / "released"
    code.mkdir()
    monkeypatch.setattr(release, "SCHEMAS", code)
    monkeypatch.setattr(release, "RELEASED", kept)
    (code / ORDER).write_text(json.dumps(order_schema()))
    assert release.main() == 0
    (code / ORDER).write_text(json.dumps(additive()))
    assert release.main() == 0
    assert read(kept)[ORDER] == additive()
    # What was added is released now, and must not go again.
    (code / ORDER).write_text(json.dumps(order_schema()))
    assert release.main() == 1
    assert "event.data.client.phone: is gone" in capsys.readouterr().err
    (code / ORDER).unlink()
    assert release.main() == 1
    assert read(kept)[ORDER] == additive()


def test_the_decoder_takes_what_the_released_schema_takes() -> None:
    schema = read(RELEASED)[ORDER]
    assert schema["$id"].endswith(ORDER_PLACED)
    Draft202012Validator(schema).validate(order_placed())
    assert decode(message(order_placed()))
