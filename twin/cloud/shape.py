"""Checks of inputs against the API models that botocore carries.

The provider hands properties to an AWS API under nearly the same names, so the
API's own rules (required, enumeration, pattern, smallest and largest value or
length) hold for them. A wrong value is found here before anything is made, not
after twenty minutes of deployment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.session import get_session

from twin.cloud.assets import ASSET
from twin.cloud.errors import InputError
from twin.cloud.kind import Request
from twin.cloud.operations import OPERATIONS, Operation


def check(request: Request) -> None:
    """Check a resource's inputs; does nothing for a type without an operation in the table.

    Raises:
        InputError: the first property that breaks a rule, with its value and the rule.
    """
    operation = OPERATIONS.get(request.typ)
    if operation is None:
        return
    for problem in problems(operation, request.inputs):
        raise InputError(f"{request.typ} {request.name!r}: {problem}")


def problems(operation: Operation, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Give what is wrong with the inputs of an operation, each as a sentence without its subject."""
    shape = _input_shape(operation.service, operation.name)
    given: set[str] = set()
    for prop, value in inputs.items():
        member = operation.member(prop, shape.members)
        if member is None or value is None:
            continue
        given.add(member)
        yield from _broken(shape.members[member], value, prop)
    for member in shape.required_members:
        if member not in given and member not in operation.supplied:
            yield f"{operation.prop(member)} is required ({operation.service} {operation.name})."


def unchecked(operation: Operation, inputs: Mapping[str, Any]) -> list[str]:
    """List the properties that no member of the operation stands for."""
    shape = _input_shape(operation.service, operation.name)
    return [prop for prop in inputs if operation.member(prop, shape.members) is None]


def without_operation(types: Mapping[str, object] | list[str]) -> list[str]:
    """List those of the types whose inputs are not checked."""
    return sorted(typ for typ in types if typ not in OPERATIONS)


@cache
def _input_shape(service: str, operation: str) -> StructureShape:
    shape = _service_model(service).operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{service} {operation} takes no structure")
    return shape


@cache
def _service_model(service: str) -> Any:
    return get_session().get_service_model(service)


def _broken(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if value is None or (isinstance(value, Mapping) and ASSET in value):
        return
    if isinstance(shape, StructureShape):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _list(shape, value, path)
    elif isinstance(shape, MapShape):
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from _broken(shape.value, item, f"{path}.{key}")
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _number(shape, value, path)
    elif shape.type_name == "string":
        yield from _text(shape, value, path)


def _structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # the provider lists some single structures
    if not isinstance(value, Mapping):
        return
    members = {_plain(member): member for member in shape.members}
    given = set()
    for prop, item in value.items():
        member = members.get(_plain(prop)) or members.get(_plain(prop).removesuffix("s"))
        if member is not None and item is not None:
            given.add(member)
            yield from _broken(shape.members[member], item, f"{path}.{prop}")
    for member in shape.required_members:
        if member not in given:
            yield f"{path}.{member[0].lower()}{member[1:]} is required."


def _list(shape: ListShape, value: Any, path: str) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    yield from _bounds(shape, len(items), path, f"{path} has {len(items)} entries", "entries")
    for number, item in enumerate(items):
        yield from _broken(shape.member, item, f"{path}[{number}]" if isinstance(value, list) else path)


def _number(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, bool):
        yield f"{path} is {value}; it must be a number."
        return
    try:
        number = float(value)
    except (TypeError, ValueError):
        yield f"{path} is {value!r}; it must be a number."
        return
    if shape.type_name in ("integer", "long") and not number.is_integer():
        yield f"{path} is {value}; it must be a whole number."
    yield from _bounds(shape, number, path, f"{path} is {value}", "")


def _text(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, bool | int | float | Mapping | list):
        return  # the provider turns it into the text that the API wants
    allowed = getattr(shape, "enum", None) or shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path} is {value!r}; it must be one of {', '.join(allowed)}."
        return
    yield from _bounds(shape, len(value), path, f"{path} has {len(value)} characters", "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{path} is {value!r}; it must match {pattern}"


def _bounds(shape: Shape, size: float, path: str, what: str, unit: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        limits = f"{low if low is not None else 'any'} to {high if high is not None else 'any'} {unit}".rstrip()
        yield f"{what}; it must be {limits}."


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None  # a construct of another language's expressions


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _plain(name: str) -> str:
    return name.lower()
