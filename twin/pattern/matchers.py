"""Matchers of one leaf of an event: the elements of a pattern's list.

Sources: "Content filtering in Amazon EventBridge event patterns" and "Amazon EventBridge event patterns" of the
EventBridge user guide.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from twin.pattern.errors import PatternError

Scalar = str | int | float | Decimal | bool | None
# Tells whether one scalar of the event matches.
Matcher = Callable[[Any], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMERIC_LIMIT = 5_000_000_000
_LOWER, _UPPER = (">", ">="), ("<", "<=")


def compile_matcher(element: Any, place: str) -> Matcher:
    """Make the matcher of one element of a pattern's list, other than `exists`.

    Args:
        element: scalar (equal to it) or object with one operator.
        place: path of the list in the pattern, for messages.

    Raises:
        PatternError: AWS would refuse it.
    """
    if isinstance(element, list):
        raise PatternError(f"The pattern at {place} has a list in a list; its elements are values or operators.")
    if not isinstance(element, dict):
        return _equal_to(element)
    if len(element) != 1:
        raise PatternError(f"The pattern at {place} has an operator object with {len(element)} keys; it has one.")
    ((name, operand),) = element.items()
    compiler = _OPERATORS.get(name)
    if compiler is None:
        raise PatternError(f"The pattern at {place} has the unknown operator {name!r}; known: {', '.join(_OPERATORS)}.")
    return compiler(operand, place)


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number (true and false are none)."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _equal_to(expected: Any) -> Matcher:
    if expected is None or isinstance(expected, bool):
        return lambda value: value is expected
    if isinstance(expected, str):
        return lambda value: value == expected and isinstance(value, str)
    # "For numbers, EventBridge uses string representation. For example, 300, 300.0, and 3.0e2 are not considered
    # equal." (The user guide; EventBridge's open-sourced matcher is more lenient. A filter that is narrow here
    # and wider there shows up in a test; the other way round it would not.)
    text = str(expected)
    return lambda value: is_number(value) and str(value) == text


def _text(operand: Any, name: str, place: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(f"The operator {name!r} at {place} needs a string, not {operand!r}.")
    return operand


def _affix(name: str, test: Callable[[str, str], bool]) -> Callable[[Any, str], Matcher]:
    def compiler(operand: Any, place: str) -> Matcher:
        if isinstance(operand, dict) and list(operand) == ["equals-ignore-case"]:
            folded = _text(operand["equals-ignore-case"], name, place).lower()
            return lambda value: isinstance(value, str) and test(value.lower(), folded)
        text = _text(operand, name, place)
        if not text:
            raise PatternError(f"The operator {name!r} at {place} has an empty string, which would match everything.")
        return lambda value: isinstance(value, str) and test(value, text)

    return compiler


def _equals_ignore_case(operand: Any, place: str) -> Matcher:
    folded = _text(operand, "equals-ignore-case", place).lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _wildcard(operand: Any, place: str) -> Matcher:
    text = _text(operand, "wildcard", place)
    parts, position = [], 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
            if position == len(text) or text[position] not in "*\\":
                raise PatternError(f"The wildcard at {place} has a backslash that escapes neither * nor a backslash.")
            parts.append(re.escape(text[position]))
        elif character == "*":
            if parts and parts[-1] == ".*":
                raise PatternError(f"The wildcard at {place} has two * in a row.")
            parts.append(".*")
        else:
            parts.append(re.escape(character))
        position += 1
    expression = re.compile("".join(parts), re.DOTALL)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _numeric(operand: Any, place: str) -> Matcher:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise PatternError(f'The operator \'numeric\' at {place} needs a list such as ["=", 5] or [">", 0, "<=", 5].')
    signs, numbers = operand[::2], operand[1::2]
    if any(not isinstance(sign, str) or sign not in _COMPARISONS for sign in signs):
        raise PatternError(f"The operator 'numeric' at {place} compares by {', '.join(_COMPARISONS)}, not {signs}.")
    if any(not is_number(number) or abs(number) > NUMERIC_LIMIT for number in numbers):
        raise PatternError(f"The operator 'numeric' at {place} takes numbers between -5e9 and 5e9, not {numbers}.")
    if len(signs) == 2 and not (signs[0] in _LOWER and signs[1] in _UPPER and numbers[0] < numbers[1]):
        raise PatternError(f"The range of 'numeric' at {place} is a lower and then a higher bound, not {operand}.")
    bounds = [
        (_COMPARISONS[sign], Decimal(str(number)))
        for sign, number in zip(signs, numbers, strict=True)
    ]  # fmt: skip

    def match(value: Any) -> bool:
        if not is_number(value):
            return False
        exact = Decimal(str(value)) if isinstance(value, float) else value
        return all(compare(exact, bound) for compare, bound in bounds)

    return match


def _cidr(operand: Any, place: str) -> Matcher:
    try:
        network = ipaddress.ip_network(_text(operand, "cidr", place), strict=False)
    except ValueError as error:
        raise PatternError(f"The operator 'cidr' at {place} has no IP network: {error}.") from error

    def match(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return match


def _anything_but(operand: Any, place: str) -> Matcher:
    if isinstance(operand, dict):
        if len(operand) != 1 or next(iter(operand)) not in _NEGATABLE:
            raise PatternError(
                f"The operator 'anything-but' at {place} takes one of {', '.join(_NEGATABLE)}, not {list(operand)}."
            )
        ((name, inner),) = operand.items()
        options = inner if isinstance(inner, list) else [inner]
        if not options:
            raise PatternError(f"The operator 'anything-but' at {place} has an empty list.")
        refused = [_OPERATORS[name](option, place) for option in options]
    else:
        options = operand if isinstance(operand, list) else [operand]
        strings = all(isinstance(option, str) for option in options)
        if not options or not (strings or all(is_number(option) for option in options)):
            raise PatternError(
                f"The operator 'anything-but' at {place} takes strings only or numbers only, not {operand!r}."
            )
        refused = [_equal_to(option) for option in options]
    return lambda value: not any(match(value) for match in refused)


_OPERATORS: dict[str, Callable[[Any, str], Matcher]] = {
    "prefix": _affix("prefix", str.startswith),
    "suffix": _affix("suffix", str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
_NEGATABLE = ("prefix", "suffix", "equals-ignore-case", "wildcard")
