"""The contract as one HTML page, which needs nothing but itself: no network, no font, no script to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from contract.document import PATH, Document, Json, Operation, Part
from contract.examples import answers, commands, reason
from contract.fields import Field, fields, kind, whole

PAGE = PATH.parent / "docs" / "api.html"
URN = "urn:orders:problem:"


@dataclass(frozen=True)
class ResponseView:
    """One response of a call, as the page shows it."""

    status: str
    reason: str
    description: str
    headers: list[Field]
    members: list[Field]
    types: list[str]
    examples: list[tuple[str, str]]


@dataclass(frozen=True)
class CallView:
    """One call, as the page shows it."""

    operation: Operation
    parameters: list[tuple[str, Field]]
    members: list[Field]
    commands: list[tuple[str, str]]
    responses: list[ResponseView]

    @property
    def answer(self) -> str:
        """The first example of success."""
        return self.responses[0].examples[0][1]


@dataclass(frozen=True)
class ProblemView:
    """One type of problem: the statuses and the calls that it comes with."""

    type: str
    meaning: str
    statuses: list[str]
    calls: list[Operation]


def render(document: Document) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"markdown": markdown, "sentence": sentence, "short": lambda type_: type_.removeprefix(URN)}
    calls = [call_view(operation) for operation in document.operations]
    template = environment.get_template("page.html.jinja")
    return template.render(
        info=document.tree["info"],
        guide=list(guide(document.tree["info"]["description"])),
        server=document.tree["servers"][0]["variables"]["api_url"],
        tags=document.tree["tags"],
        calls=calls,
        problems=problems(document, calls),
        gateway=list(fields(document, {"$ref": "#/components/schemas/GatewayProblem"})),
        problem=list(fields(document, {"$ref": "#/components/schemas/Problem"})),
    )


def call_view(operation: Operation) -> CallView:
    """What the page shows of a call."""
    document = operation.document
    parameters = [
        (part.node["in"], Field(part.node["name"], kind(document, part.node["schema"]),
                                bool(part.node.get("required")), part.node["description"]))
        for part in operation.parameters
    ]  # fmt: skip
    return CallView(
        operation=operation,
        parameters=parameters,
        members=list(fields(document, operation.body.node["schema"])) if operation.body else [],
        commands=list(commands(operation)),
        responses=[response_view(document, status, part) for status, part in operation.responses.items()],
    )


def response_view(document: Document, status: str, response: Part) -> ResponseView:
    """What the page shows of a response; members of problems, which are the same everywhere, it shows once."""
    headers = dict(document.parts(response.step("headers")))
    schema: Json = next((content["schema"] for content in response.node.get("content", {}).values()), {})
    return ResponseView(
        status=status,
        reason=reason(status),
        description=response.node["description"],
        headers=[
            Field(name, kind(document, part.node["schema"]), bool(part.node.get("required")), part.node["description"])
            for name, part in headers.items()
        ],
        members=list(fields(document, schema)) if int(status) < 400 else [],
        types=list(types(document, schema)) if int(status) >= 400 else [],
        examples=list(answers(response, status, headers)),
    )


def types(document: Document, schema: Json) -> Iterator[str]:
    """Problem types that a response's schema allows."""
    for each in schema.get("oneOf", [schema]):
        found = whole(document, each)["properties"]["type"]
        yield from found.get("enum", [found["const"]] if "const" in found else [])


def problems(document: Document, calls: list[CallView]) -> list[ProblemView]:
    """Every type of problem, in the order of the document."""
    listed = document.part("/components/schemas/ProblemType").node["oneOf"]
    return [
        ProblemView(
            type=one["const"],
            meaning=one["description"],
            statuses=sorted({r.status for call in calls for r in call.responses if one["const"] in r.types}),
            calls=[call.operation for call in calls if any(one["const"] in r.types for r in call.responses)],
        )
        for one in listed
    ]


def guide(text: str) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and text of each part of the description; the first has no title."""
    first, *rest = re.split(r"^### ", text, flags=re.MULTILINE)
    yield "", "", first
    for part in rest:
        title, _, content = part.partition("\n")
        yield re.sub(r"[^a-z]+", "-", title.lower()), title, content


def markdown(text: Any) -> Markup:
    """Paragraphs of Markdown; HTML in it is shown as it is written."""
    return Markup(MarkdownIt("js-default").render(str(text)))  # noqa: S704 - of a file of this repository, escaped


def sentence(text: Any) -> Markup:
    """One line of Markdown, such as a table's cell."""
    return Markup(MarkdownIt("js-default").renderInline(str(text)))  # noqa: S704 - as above
