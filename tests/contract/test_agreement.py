"""openapi.yaml, the functions and the program say the same: routes, problems, bounds, answers of the gateway."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.document import Document
from contract.page import types
from functions import registry
from functions.common import body, problems, read_model
from functions.place_order import command
from infra.config import Config
from infra.problems import GatewayResponse, gateway_responses
from tests.contract.conformance import Contract, Exchange

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = Document.read()
CONTRACT = Contract(DOCUMENT)
DOCUMENTED = {(operation.method, operation.path) for operation in DOCUMENT.operations}
SCHEMAS = DOCUMENT.tree["components"]["schemas"]


def test_the_registry_has_the_documented_routes() -> None:
    assert set(registry.ROUTES) == DOCUMENTED


@pytest.mark.parametrize("stack", sorted(path.suffixes[0][1:] for path in ROOT.glob("Pulumi.*.yaml")))
def test_the_program_makes_the_documented_routes(stack: str) -> None:
    text = (ROOT / "tests" / "infra" / "golden" / f"{stack}.txt").read_text(encoding="utf-8")
    parts = re.findall(r'aws:apigateway/resource:Resource (\S+) "(.+)" <- (.+)', text)
    paths = {"api-rest": ""}
    # Parents come in any order: a path is found at the latest when all shorter ones are.
    for _ in parts:
        for name, part, uses in parts:
            # A resource uses its parent, and the API itself.
            parent = next((each for each in uses.split(", ") if each != "api-rest"), "api-rest")
            if parent in paths:
                paths[name] = f"{paths[parent]}/{part}"
    methods = re.findall(r'aws:apigateway/method:Method \S+ "([A-Z]+)" <- (.+)', text)
    assert methods
    made = {(method, paths[use]) for method, uses in methods for use in uses.split(", ") if paths.get(use)}
    assert made == DOCUMENTED


def test_the_code_has_the_documented_types_of_problems() -> None:
    assert set(_kinds()) == {one["const"].removeprefix(problems.URN) for one in SCHEMAS["ProblemType"]["oneOf"]}


def test_every_type_of_problem_comes_with_some_call() -> None:
    listed = {
        type_
        for operation in DOCUMENT.operations
        for response in operation.responses.values()
        for content in response.node.get("content", {}).values()
        if "problem" in str(content["schema"]).lower()
        for type_ in types(DOCUMENT, content["schema"])
    }
    assert listed == {one["const"] for one in SCHEMAS["ProblemType"]["oneOf"]} | {"about:blank"}


def _kinds() -> Iterator[str]:
    """The kind in every `Problem(status, kind, ...)` of the functions; it has to stand there as a text."""
    for path in ROOT.glob("functions/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                named = {keyword.arg: keyword.value for keyword in node.keywords}
                kind = named.get("kind", node.args[1] if len(node.args) > 1 else None)
                assert isinstance(kind, ast.Constant), f"{path}:{node.lineno}"
                yield str(kind.value)


def test_bounds_are_those_of_the_code() -> None:
    order, line = SCHEMAS["OrderRequest"]["properties"], SCHEMAS["OrderRequestLine"]["properties"]
    assert order["products"]["maxItems"] == command.MAX_LINES
    assert line["quantity"]["maximum"] == command.MAX_QUANTITY
    assert SCHEMAS["Id"]["maximum"] == SCHEMAS["Version"]["maximum"] == command.MAX_ID
    assert SCHEMAS["ClientOrders"]["properties"]["orders"]["maxItems"] == read_model.KEPT_ORDERS
    description = DOCUMENT.operation("placeOrder").node["requestBody"]["description"]
    assert f"{body.MAX_BYTES} bytes" in description
    assert f"{body.MAX_BYTES} bytes" in DOCUMENT.tree["components"]["responses"]["ContentTooLarge"]["description"]


def test_times_in_the_text_are_the_defaults_of_the_configuration() -> None:
    fields = Config.model_fields
    about = " ".join(DOCUMENT.tree["info"]["description"].split())
    assert fields["idempotency_hours"].default == 24
    assert "for 24 hours, unless" in about
    assert fields["read_wait_ms"].default == 2000
    assert "(two seconds, unless" in about
    assert fields["authorizer_cache_seconds"].default == 300
    assert "five minutes" in DOCUMENT.tree["components"]["securitySchemes"]["basic"]["description"]


def test_the_guide_says_what_to_do_with_every_status() -> None:
    guide = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-9][^|]*) \|", guide, re.MULTILINE)
    told = [status for row in rows for status in re.findall("[0-9]{3}", row)]
    documented = {status for operation in DOCUMENT.operations for status in operation.responses}
    assert sorted(told) == sorted(documented - {"304"})
    assert "HTTP/1.1 304" in guide


# Of what the program names no answer of its own for. Source: "Gateway response types for API Gateway".
DEFAULTS = {"DEFAULT_4XX": (400, 403), "DEFAULT_5XX": (500,)}


@pytest.mark.parametrize("response", gateway_responses("orders"), ids=lambda response: response.kind)
def test_the_gateways_own_answers_are_documented(response: GatewayResponse) -> None:
    sent = response.template.replace("$context.error.messageString", '"A message"').encode()
    headers = {"content-type": "application/problem+json"} | {k.lower(): v for k, v in response.headers.items()}
    for operation in DOCUMENT.operations:
        path = operation.path.replace("{id}", "1")
        for status in [response.status] if response.status else DEFAULTS[response.kind]:
            # What only a body, or a wrong path, can bring about.
            if status in (404, 413, 415) and str(status) not in operation.responses:
                continue
            CONTRACT.check(Exchange(method=operation.method, path=path, status=status, headers=headers, body=sent))
