"""Whether what went over the wire is what openapi.yaml says: requests that were accepted, and all answers.

Stricter than the document is for clients, who are to ignore what they do not know: every status, header and member of
an answer has to be documented.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from contract.document import Document, Operation, Part

BASE = "urn:openapi"
GATEWAY_PROBLEM = "/components/schemas/GatewayProblem"
# Headers that the gateway, a server or a proxy adds to every answer.
TRANSPORT = re.compile(
    r"content-(type|length|encoding)|date|server|connection|keep-alive|transfer-encoding|via|x-amzn?-.*"
)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer. `path` is below the API's base, still quoted; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: bytes = b""
    status: int
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.status} {self.body.decode(errors='replace')[:1000]}"


class Contract:
    """Compares exchanges with an OpenAPI document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        resource = DRAFT202012.create_resource(closed(document.tree))
        self._registry: Registry[Any] = Registry().with_resource(BASE, resource)
        self._templates = [
            (operation, re.compile(re.sub(r"\\{[^/]+?\\}", "([^/]+)", re.escape(operation.path))))
            for operation in document.operations
        ]

    def check(self, exchange: Exchange) -> None:
        """Raise AssertionError with all that is not as documented."""
        wrong = list(self.deviations(exchange))
        assert not wrong, f"{exchange} is not as openapi.yaml says:\n" + "\n".join(wrong)

    def deviations(self, exchange: Exchange) -> Iterator[str]:
        """All that is not as documented, a sentence each."""
        operation, arguments = self._operation(exchange)
        if operation is None:
            if exchange.status not in (403, 404):
                yield f"There is no such call, which is a 404 (or 403), not a {exchange.status}."
            yield from self._body(Part(GATEWAY_PROBLEM, {}), exchange.body)
            return
        response = operation.responses.get(str(exchange.status))
        if response is None:
            yield f"The status {exchange.status} is not documented."
            return
        yield from self._headers(response, exchange.headers)
        yield from self._content(response, exchange)
        if exchange.status < 400:
            yield from self._request(operation, arguments, exchange)

    def instance(self, pointer: str, value: object) -> list[str]:
        """What is wrong with a value by the schema at a pointer."""
        validator = Draft202012Validator({"$ref": f"{BASE}#{pointer}"}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def _operation(self, exchange: Exchange) -> tuple[Operation | None, list[str]]:
        for operation, template in self._templates:
            match = template.fullmatch(exchange.path)
            if match and operation.method == exchange.method:
                return operation, [unquote(value) for value in match.groups()]
        return None, []

    def _headers(self, response: Part, headers: Mapping[str, str]) -> Iterator[str]:
        documented = {name.lower(): part for name, part in self.document.parts(response.step("headers"))}
        for name in headers:
            if name not in documented and not TRANSPORT.fullmatch(name):
                yield f"The header {name} is not documented."
        for name, part in documented.items():
            if name in headers:
                yield from (f"{name}: {error}" for error in self._text(part, headers[name]))
            elif part.node.get("required"):
                yield f"The header {name} is missing."

    def _content(self, response: Part, exchange: Exchange) -> Iterator[str]:
        documented = dict(self.document.parts(response.step("content")))
        if not documented:
            if exchange.body:
                yield "The answer has a body, and none is documented."
            return
        media_type = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in documented:
            yield f"The media type {media_type!r} is not documented: {', '.join(documented)} is."
            return
        yield from self._body(Part(documented[media_type].step("schema"), {}), exchange.body)

    def _body(self, schema: Part, body: bytes) -> Iterator[str]:
        try:
            value = json.loads(body, parse_constant=_no_constant)
        except ValueError as error:
            yield f"The body is no JSON: {error}."
            return
        yield from self.instance(schema.pointer, value)

    def _request(self, operation: Operation, arguments: list[str], exchange: Exchange) -> Iterator[str]:
        """What was accepted and should not have been."""
        named = dict(zip(re.findall(r"\{(.+?)\}", operation.path), arguments, strict=True))
        places = {"path": named, "query": exchange.query, "header": exchange.request_headers}
        for part in operation.parameters:
            name, values = part.node["name"], places[part.node["in"]]
            value = values.get(name.lower() if part.node["in"] == "header" else name)
            if value is not None:
                yield from (f"Accepted, though {name} is wrong: {error}" for error in self._text(part, value))
        if operation.body is not None:
            schema = Part(operation.body.step("schema"), {})
            yield from (
                f"Accepted, though the request is wrong: {e}" for e in self._body(schema, exchange.request_body)
            )

    def _text(self, part: Part, text: str) -> list[str]:
        """What is wrong with a parameter or a header, whose numbers are text on the wire."""
        pointer = part.step("schema")
        whole = self.document.part(pointer).node.get("type") == "integer"
        number = whole and re.fullmatch("-?[0-9]+", text, re.ASCII)
        return self.instance(pointer, int(text) if number else text.strip())


def closed(tree: Any) -> Any:
    """A copy in which no object schema takes members that it does not name."""
    if isinstance(tree, dict):
        copied = {name: closed(value) for name, value in tree.items()}
        if tree.get("type") == "object" and "properties" in tree and "additionalProperties" not in tree:
            copied["unevaluatedProperties"] = False
        return copied
    return [closed(value) for value in tree] if isinstance(tree, list) else copy.copy(tree)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
