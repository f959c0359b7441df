"""Examples as people type and see them: curl commands, and answers with their headers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from contract.document import Json, Operation, Part

WIDTH = 62
# As RFC 9110 has them; Python has had others before 3.13, and the page must not depend on that.
REASONS = {413: "Content Too Large", 422: "Unprocessable Content"}
CREDENTIALS = '-u "$API_USER:$API_PASSWORD"'


def reason(status: str) -> str:
    """What a status is called."""
    return REASONS.get(int(status), HTTPStatus(int(status)).phrase)


def commands(operation: Operation) -> Iterator[tuple[str, str]]:
    """Title and curl command of each example of a call."""
    if operation.body is None:
        yield operation.node["summary"], curl(operation, None, optional=False)
        if any(not part.node.get("required") for part in operation.parameters):
            yield "With all that is optional", curl(operation, None, optional=True)
        return
    for example in operation.body.node["examples"].values():
        yield example["summary"], curl(operation, example["value"], optional=False)


def curl(operation: Operation, body: Any, *, optional: bool) -> str:
    """A curl command of a call with its parameters' examples; optional ones if wanted, a command's key always."""
    path, query, headers = operation.path, {}, {}
    for part in operation.parameters:
        name, place, value = part.node["name"], part.node["in"], part.node["example"]
        if place == "path":
            path = path.replace(f"{{{name}}}", quote(str(value)))
        elif optional and place == "query":
            query[name] = value
        elif place == "header" and (optional or (body is not None and name == "Idempotency-Key")):
            headers[name] = value
    method = "" if operation.method in ("GET", "POST") else f"-X {operation.method} "
    url = f"$API_URL{path}" + (f"?{urlencode(query)}" if query else "")
    lines = [f"curl {method}{CREDENTIALS}", f'"{url}"']
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", "-d " + shlex.quote(pretty(body))]
    return " \\\n  ".join(lines)


def answers(response: Part, status: str, headers: dict[str, Part]) -> Iterator[tuple[str, str]]:
    """Summary and text of each example of a response, with its headers' examples."""
    start = [f"HTTP/1.1 {status} {reason(status)}"]
    contents: dict[str, Json] = response.node.get("content", {})
    rest = [f"{name}: {part.node['example']}" for name, part in headers.items()]
    if not contents:
        yield "", "\n".join(start + rest)
    for media_type, content in contents.items():
        for example in content["examples"].values():
            lines = [*start, f"Content-Type: {media_type}", *rest, "", pretty(example["value"])]
            yield example["summary"], "\n".join(lines)


def pretty(value: Any, indent: int = 0) -> str:
    """JSON in which what fits into a line stands in one."""
    text = json.dumps(value, ensure_ascii=False)
    if indent + len(text) <= WIDTH or not isinstance(value, dict | list) or not value:
        return text
    space = " " * (indent + 2)
    if isinstance(value, list):
        inner = [space + pretty(each, indent + 2) for each in value]
    else:
        inner = [f"{space}{json.dumps(name)}: {pretty(each, indent + 2)}" for name, each in value.items()]
    start, end = "[]" if isinstance(value, list) else "{}"
    return start + "\n" + ",\n".join(inner) + "\n" + " " * indent + end
