"""openapi.yaml, read: its operations, and its parts by JSON pointer (RFC 6901) with references followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import yaml

from contract.errors import ContractError

Json = dict[str, Any]

PATH = Path(__file__).resolve().parents[1] / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Part:
    """A part of the document: where it is, and what is there."""

    pointer: str
    node: Json

    def step(self, *names: str) -> str:
        """Pointer to something inside this part."""
        return self.pointer + "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


class Document:
    """An OpenAPI 3.1 document whose references all point into itself."""

    def __init__(self, tree: Json) -> None:
        self.tree = tree

    @classmethod
    def read(cls, path: Path = PATH) -> Self:
        """The document in a YAML file."""
        return cls(yaml.safe_load(path.read_text(encoding="utf-8")))

    def part(self, pointer: str) -> Part:
        """What a pointer points at, after the Reference Objects that stand there.

        A schema with `$ref` and more beside it is left as it is. Raises ContractError if nothing is there.
        """
        node: Any = self.tree
        for name in pointer.split("/")[1:]:
            step = name.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or step not in node:
                raise ContractError(f"openapi.yaml has nothing at #{pointer}: there is no {step!r}.")
            node = node[step]
        if isinstance(node, dict) and node.keys() == {"$ref"}:
            return self.part(str(node["$ref"]).removeprefix("#"))
        return Part(pointer, node)

    def parts(self, pointer: str) -> Iterator[tuple[str, Part]]:
        """Name and part of each member of the object at a pointer; none if there is no object."""
        try:
            whole = self.part(pointer)
        except ContractError:
            return
        for name in whole.node:
            yield str(name), self.part(whole.step(str(name)))

    @cached_property
    def operations(self) -> list[Operation]:
        """All calls, in the order of the document."""
        return [
            Operation(self, method.upper(), path, part.pointer)
            for path, item in self.parts("/paths")
            for method, part in self.parts(item.pointer)
            if method in METHODS
        ]

    def operation(self, id_: str) -> Operation:
        """The call with this operationId; raises ContractError."""
        for operation in self.operations:
            if operation.id == id_:
                return operation
        raise ContractError(f"openapi.yaml has no operation {id_!r}.")


@dataclass(frozen=True)
class Operation:
    """One call: `method` in capitals, `path` as a template."""

    document: Document
    method: str
    path: str
    pointer: str

    @property
    def node(self) -> Json:
        """The Operation Object."""
        return self.document.part(self.pointer).node

    @property
    def id(self) -> str:
        """The operationId."""
        return str(self.node["operationId"])

    @property
    def parameters(self) -> list[Part]:
        """Parameters of the path and of the call."""
        item = self.pointer.rpartition("/")[0]
        listed = [(place, self.document.part(place).node.get("parameters", [])) for place in (item, self.pointer)]
        return [
            self.document.part(each["$ref"].removeprefix("#")) if "$ref" in each else Part(f"{place}/parameters", each)
            for place, found in listed
            for each in found
        ]

    @property
    def responses(self) -> dict[str, Part]:
        """Responses by status."""
        return dict(self.document.parts(f"{self.pointer}/responses"))

    @property
    def body(self) -> Part | None:
        """The request's media type object for JSON, None if the call has no body."""
        if "requestBody" not in self.node:
            return None
        return self.document.part(f"{self.pointer}/requestBody/content/application~1json")
