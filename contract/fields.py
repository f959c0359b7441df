"""Schemas as rows of a table: each member with its path, what it may be, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from contract.document import Document, Json

# Patterns that are longer say less than the description does.
LEGIBLE = 30
# The greatest whole number of 64 bits, which nobody recognises in digits.
NAMES = {9223372036854775807: "2^63-1"}


@dataclass(frozen=True)
class Field:
    """One member of an object: `path` as in `products[].quantity`, `kind` and `text` for people (Markdown)."""

    path: str
    kind: str
    required: bool
    text: str


def whole(document: Document, schema: Json) -> Json:
    """A schema with what its `$ref` points at merged in; what stands beside the `$ref` wins."""
    if "$ref" not in schema:
        return schema
    target = whole(document, document.part(schema["$ref"].removeprefix("#")).node)
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    properties = {
        name: {**target.get("properties", {}).get(name, {}), **value}
        for name, value in beside.pop("properties", {}).items()
    }
    merged = {**target, **beside}
    if properties:
        merged["properties"] = {**target.get("properties", {}), **properties}
    return merged


def fields(document: Document, schema: Json, prefix: str = "") -> Iterator[Field]:
    """Members of an object schema, those of its objects and arrays after them."""
    schema = whole(document, schema)
    for name, member in schema.get("properties", {}).items():
        member = whole(document, member)
        path = f"{prefix}{name}"
        yield Field(path, kind(document, member), name in schema.get("required", []), member.get("description", ""))
        if member.get("type") == "array":
            yield from fields(document, member["items"], f"{path}[].")
        else:
            yield from fields(document, member, f"{path}.")


def kind(document: Document, schema: Json) -> str:
    """What a value may be, in a few words."""
    schema = whole(document, schema)
    if "const" in schema:
        return f"always `{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "oneOf" in schema:
        if all("const" in each for each in schema["oneOf"]):
            return "string, one of a list"
        return " or ".join(kind(document, each) for each in schema["oneOf"])
    types = schema.get("type", "anything")
    text = " or ".join(types) if isinstance(types, list) else str(types)
    return ", ".join([text, *_bounds(schema)])


def _bounds(schema: Json) -> Iterator[str]:
    yield from _range(schema.get("minimum"), schema.get("maximum"), "")
    yield from _range(schema.get("minLength"), schema.get("maxLength"), " characters")
    yield from _range(schema.get("minItems"), schema.get("maxItems"), " items")
    if "minProperties" in schema:
        yield f"at least {schema['minProperties']} member"
    if len(schema.get("pattern", "")) in range(1, LEGIBLE):
        yield f"`{schema['pattern']}`"


def _range(least: float | None, most: float | None, unit: str) -> Iterator[str]:
    if least is not None and most is not None:
        yield f"{_number(least)} to {_number(most)}{unit}"
    elif least is not None:
        yield f"from {_number(least)}{unit}"
    elif most is not None:
        yield f"up to {_number(most)}{unit}"


def _number(value: float) -> str:
    return NAMES.get(int(value), f"{Decimal(str(value)):f}")
