"""openapi.yaml is a sound document, its examples are what it says, and it says what the code does."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from contract.document import Document, Operation, Part
from tests.contract.conformance import Contract

DOCUMENT = Document.read()
CONTRACT = Contract(DOCUMENT)


def contents() -> list[Any]:
    """Every media type of every request and response."""
    found: dict[str, Part] = {}
    for operation in DOCUMENT.operations:
        bodies = [operation.pointer + "/requestBody"] if "requestBody" in operation.node else []
        for whole in bodies + [part.pointer for part in operation.responses.values()]:
            found |= {part.pointer: part for _, part in DOCUMENT.parts(whole + "/content")}
    return [pytest.param(part, id=part.pointer) for part in found.values()]


def described() -> list[Any]:
    """Every parameter and every header of a response."""
    found: dict[str, Part] = {}
    for operation in DOCUMENT.operations:
        found |= {part.pointer: part for part in operation.parameters}
        for response in operation.responses.values():
            found |= {part.pointer: part for _, part in DOCUMENT.parts(response.step("headers"))}
    return [pytest.param(part, id=part.pointer) for part in found.values()]


def test_it_is_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT.tree).validate()


@pytest.mark.parametrize("content", contents())
def test_every_body_has_examples_that_are_what_it_says(content: Part) -> None:
    assert content.node["examples"]
    for name, example in content.node["examples"].items():
        assert example["summary"], name
        assert CONTRACT.instance(content.step("schema"), example["value"]) == [], name


@pytest.mark.parametrize("part", described())
def test_every_parameter_and_header_has_an_example_that_is_what_it_says(part: Part) -> None:
    assert part.node["description"]
    assert CONTRACT.instance(part.step("schema"), part.node["example"]) == []


@pytest.mark.parametrize("operation", DOCUMENT.operations, ids=lambda operation: operation.id)
def test_every_call_says_what_can_go_wrong(operation: Operation) -> None:
    assert {"401", "403", "429", "500", "502", "503", "504"} <= operation.responses.keys()
    if operation.body is not None:
        assert {"400", "413", "415", "422"} <= operation.responses.keys()
    if "{" in operation.path:
        assert {"400", "404"} <= operation.responses.keys()


def test_nothing_is_left_over() -> None:
    used = _references(DOCUMENT.tree)
    made = {
        f"#/components/{kind}/{name}"
        for kind, parts in DOCUMENT.tree["components"].items()
        for name in parts
        if kind != "securitySchemes"
    }
    assert made == used


def _references(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        own = {tree["$ref"]} if "$ref" in tree else set()
        return own.union(*map(_references, tree.values()))
    return set().union(*map(_references, tree)) if isinstance(tree, list) else set()
