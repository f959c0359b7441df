"""Compiles an EventBridge event pattern to a predicate over decoded JSON.

A pattern is an object in the form of the events it matches: its leaves are
lists of alternatives, all its fields must match, and `$or` holds alternatives
of whole objects. A field of the event that is an array matches if one of its
elements does; an object in an array must match by itself.

Source: "Amazon EventBridge event patterns" of the EventBridge user guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from twin.pattern.errors import PatternError
from twin.pattern.matchers import Matcher, compile_matcher

MAX_PATTERN_CHARACTERS = 4096
OR = "$or"

Predicate = Callable[[Any], bool]

# Stands for a field that the event does not have.
_ABSENT = object()


def compile_pattern(text: str) -> Predicate:
    """Compile the text of a pattern.

    Args:
        text: JSON object, at most 4,096 characters.

    Returns:
        A function that tells whether an event matches. Fractions in the event should be decoded to Decimal.

    Raises:
        PatternError: AWS would refuse the pattern.
    """
    return compile_object(decode_pattern(text), "$")


def decode_pattern(text: str) -> dict[str, Any]:
    """Decode the text of a pattern to its object.

    Raises:
        PatternError: it is too long, not JSON, or not an object.
    """
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"The pattern has {len(text)} characters; AWS takes {MAX_PATTERN_CHARACTERS}.")
    try:
        pattern = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PatternError(f"The pattern is not JSON: {error}. Pattern: {text[:200]}") from error
    if not isinstance(pattern, dict):
        raise PatternError(f"The pattern must be a JSON object. Pattern: {text[:200]}")
    return pattern


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def compile_object(pattern: dict[str, Any], place: str) -> Predicate:
    """Compile a decoded pattern object at `place` (a path, for messages)."""
    if not pattern:
        raise PatternError(f"The pattern at {place} is empty; leave it away to match everything.")
    tests: list[Predicate] = []
    for key, value in pattern.items():
        if key == OR:
            tests.append(_compile_or(value, f"{place}.{OR}"))
        else:
            tests.append(_at_field(key, _compile_field(value, f"{place}.{key}")))
    if len(tests) == 1:
        return tests[0]
    return lambda event: all(test(event) for test in tests)


def _compile_or(alternatives: Any, place: str) -> Predicate:
    if not isinstance(alternatives, list) or len(alternatives) < 2:
        raise PatternError(f"The pattern at {place} needs a list of two or more objects.")
    if not all(isinstance(alternative, dict) for alternative in alternatives):
        raise PatternError(f"The pattern at {place} has something else than objects in its list.")
    tests = [compile_object(alternative, f"{place}[{index}]") for index, alternative in enumerate(alternatives)]
    return lambda event: any(test(event) for test in tests)


def _at_field(key: str, test: Predicate) -> Predicate:
    # An event that is no object here has no fields: `exists: false` is true of them.
    return lambda event: test(event.get(key, _ABSENT) if isinstance(event, dict) else _ABSENT)


def _compile_field(value: Any, place: str) -> Predicate:
    if isinstance(value, dict):
        inner = compile_object(value, place)

        def match_nested(field: Any) -> bool:
            if isinstance(field, list):
                return any(inner(element) for element in _elements(field))
            return inner(field)

        return match_nested
    if isinstance(value, list):
        return _compile_leaf(value, place)
    raise PatternError(f"The pattern at {place} is {json.dumps(value, default=str)}; it must be an object or a list.")


def _compile_leaf(elements: list[Any], place: str) -> Predicate:
    if not elements:
        raise PatternError(f"The pattern at {place} is an empty list, which would match nothing.")
    present = absent = False
    matchers: list[Matcher] = []
    for element in elements:
        if isinstance(element, dict) and "exists" in element:
            if len(element) != 1 or not isinstance(element["exists"], bool):
                raise PatternError(f"The operator 'exists' at {place} takes true or false and stands alone.")
            present, absent = present or element["exists"], absent or not element["exists"]
        else:
            matchers.append(compile_matcher(element, place))

    def match(field: Any) -> bool:
        found = False
        for scalar in _scalars(field):
            if present:
                return True
            found = True
            if any(matcher(scalar) for matcher in matchers):
                return True
        return absent and not found

    return match


def _elements(field: Any) -> Iterator[Any]:
    """Give what is in an array, taking apart the arrays in it unless they are empty.

    Without recursion: what can be decoded may be nested more deeply than functions may call each other.
    """
    todo = [field]
    while todo:
        element = todo.pop()
        if isinstance(element, list) and element:
            todo += reversed(element)
        else:
            yield element


def _scalars(field: Any) -> Iterator[Any]:
    """Give the leaves of a field: itself, or those of an array. An object is no leaf."""
    for element in _elements(field) if isinstance(field, list) else (field,):
        if element is not _ABSENT and not isinstance(element, dict | list):
            yield element
