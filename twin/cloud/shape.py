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

from twin.cloud import limits
from twin.cloud.assets import ASSET
from twin.cloud.errors import InputError
from twin.cloud.kind import Request, Unknown
from twin.cloud.operations import FURTHER, OPERATIONS, Operation

# What the provider puts behind a prefix of a name: a time and a counter, 26 digits.
_SUFFIX = "0" * 26


def check(request: Request) -> None:
    """Check a resource's inputs; does nothing for a type without an operation in the table.

    Raises:
        InputError: the first property that breaks a rule, with its value and the rule.
    """
    for problem in problems(request.typ, request.inputs):
        raise InputError(f"{request.typ} {request.name!r}: {problem}")


def problems(typ: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Give what is wrong with the inputs of a type, each as a sentence that begins with the property."""
    operation = OPERATIONS.get(typ)
    if operation is not None:
        yield from _refused(operation, inputs, whole=True)
    for further in FURTHER.get(typ, ()):
        yield from _refused(further, inputs, whole=False)
    yield from limits.broken(typ, inputs)


def unchecked(typ: str, inputs: Mapping[str, Any]) -> list[str]:
    """List the properties that no operation of the type has a member for."""
    operations = [OPERATIONS[typ], *FURTHER.get(typ, ())] if typ in OPERATIONS else []
    return [prop for prop in inputs if not any(_takes(operation, prop) for operation in operations)]


def _takes(operation: Operation, prop: str) -> bool:
    members = _input_shape(operation.service, operation.name).members
    prefixed = prop.removesuffix("Prefix") if prop.endswith("Prefix") else prop
    known = {*operation.attributes, *operation.shapes}
    return prop in known or operation.member(prefixed, members) is not None


def _refused(operation: Operation, inputs: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """Give what an operation would refuse; `whole` if the resource is made by it, with all that it requires."""
    shape = _input_shape(operation.service, operation.name)
    given: set[str] = set()
    for prop, value in inputs.items():
        if value is None:
            continue
        if prop in operation.attributes:
            given.add("Attributes")
            attributes = shape.members["Attributes"]
            if isinstance(attributes, MapShape):
                yield from _broken(attributes.key, operation.attributes[prop], prop)
        elif prop in operation.shapes:
            yield from _broken(_service_model(operation.service).shape_for(operation.shapes[prop]), value, prop)
        else:
            prefix = prop.endswith("Prefix") and operation.member(prop, shape.members) is None
            member = operation.member(prop.removesuffix("Prefix") if prefix else prop, shape.members)
            if member is not None:
                given.add(member)
                yield from _broken(
                    shape.members[member], f"{value}{_SUFFIX}" if prefix and isinstance(value, str) else value, prop
                )
    for member in shape.required_members if whole else ():
        if member not in given and member not in operation.supplied:
            yield f"{operation.prop(member)} is required ({operation.service} {operation.name})."


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
    if value is None or isinstance(value, Unknown) or (isinstance(value, Mapping) and ASSET in value):
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
    if isinstance(value, Mapping) and isinstance(shape.member, StructureShape):
        value = _pairs(shape.member, value)
    items = value if isinstance(value, list) else [value]
    yield from _bounds(shape, len(items), path, f"{path} has {len(items)} entries", "entries")
    for number, item in enumerate(items):
        yield from _broken(shape.member, item, f"{path}[{number}]" if isinstance(value, list) else path)


def _pairs(shape: StructureShape, value: Mapping[str, Any]) -> Any:
    """Turn a map into the list of names and values that the API wants, if that is what it wants."""
    members = sorted(shape.members, key=lambda member: member.lower().endswith("value"))
    if [member.lower().removeprefix("tag") for member in members] not in (["key", "value"], ["name", "value"]):
        return value
    return [dict(zip(members, pair, strict=True)) for pair in value.items()]


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
