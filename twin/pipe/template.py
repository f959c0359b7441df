"""Input templates: the message that a pipe makes of an event.

A template is text with variables: `<$.path>` for a part of the event and `<aws.pipes.name>` for facts about the
pipe. What a variable becomes depends on where it stands:

- as a value in a JSON template, its JSON: a string with its quotes, an object raw;
- inside the quotes of a JSON string, its text, escaped;
- in free text, its text.

A variable that is the whole template and stands for an object loses all quotes, as the user guide says
(`{"key": "value"}` becomes `{key: value}`): such a template is of no use and gets a warning. What a path becomes
that the event does not have is not documented; here it is an empty string, with a warning.

Source: "Amazon EventBridge Pipes input transformation" of the EventBridge user guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from twin.pattern.document import encode, encode_string_content
from twin.pipe.errors import PipeSettingsError

MAX_TEMPLATE_CHARACTERS = 8192

_VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[^<>]*)>")
_STEP = re.compile(r"\.([A-Za-z0-9_/-]+)|\[(\d+)\]|\.\*|\[\*\]|\['([^']+)'\]")
MISSING = object()

Event = dict[str, Any]
Value = Callable[[Event], Any]


def parse_path(path: str) -> tuple[str | int | None, ...]:
    """Parse `$.a.b[0].*` to its steps: a key, an index, or None for the wildcard.

    Raises:
        PipeSettingsError: it is not in the syntax that pipes take.
    """
    steps: list[str | int | None] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise PipeSettingsError(
                f"The input template's path <{path}> is not understood from {path[position:]!r} on."
            )
        key, index, quoted = step.groups()
        steps.append(int(index) if index is not None else key if key is not None else quoted)
        position = step.end()
    return tuple(steps)


def look_up(event: Any, steps: tuple[str | int | None, ...]) -> Any:
    """Follow the steps from the event; `MISSING` where it has no such part. A wildcard gives a list."""
    value = event
    for number, step in enumerate(steps):
        if step is None:
            items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
            found = [look_up(item, steps[number + 1 :]) for item in items]
            return [item for item in found if item is not MISSING]
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


class InputTemplate:
    """A template, ready to render messages.

    Args:
        text: the template, at most 8,192 characters.
        facts: values of the reserved variables by name (`pipe-arn`, `pipe-name`, `source-arn`, `target-arn`).
        warn: called once with each doubt about the template.

    Raises:
        PipeSettingsError: AWS would refuse it.
    """

    def __init__(self, text: str, facts: Mapping[str, str], warn: Callable[[str], None]) -> None:
        if len(text) > MAX_TEMPLATE_CHARACTERS:
            raise PipeSettingsError(
                f"The input template has {len(text)} characters; AWS takes {MAX_TEMPLATE_CHARACTERS}."
            )
        self._warn = warn
        self._warned: set[str] = set()
        self._facts = facts
        stripped = text.strip()
        self._json = stripped[:1] in ("{", "[", '"')
        whole = _VARIABLE.fullmatch(stripped)
        self._parts: list[str | Value] = []
        if whole is not None:
            self._parts.append(self._whole(whole[1]))
            return
        inside = False  # a JSON string
        position = 0
        for variable in _VARIABLE.finditer(text):
            literal = text[position : variable.start()]
            self._parts.append(literal)
            inside = _ends_in_string(literal, inside)
            self._parts.append(self._embedded(variable[1], quoted=self._json and inside))
            position = variable.end()
        self._parts.append(text[position:])

    def render(self, event: Event) -> str:
        """Make the message of an event, whose data is decoded."""
        return "".join([part if isinstance(part, str) else part(event) for part in self._parts])

    def _whole(self, name: str) -> Value:
        value = self._value(name)
        self._doubt(f"<{name}> is the whole input template: of an object, AWS delivers text without quotes, not JSON.")

        def render(event: Event) -> str:
            found = value(event)
            if found is MISSING:
                return ""
            return found if isinstance(found, str) else encode(found).replace('"', "")

        return render

    def _embedded(self, name: str, *, quoted: bool) -> Value:
        value = self._value(name)
        if self._json and not quoted:
            return lambda event: self._json_of(name, value(event))
        escape = encode_string_content if quoted else str

        def render(event: Event) -> str:
            found = value(event)
            if found is MISSING:
                self._missing(name)
                return ""
            return escape(found if isinstance(found, str) else encode(found))

        return render

    def _json_of(self, name: str, found: Any) -> str:
        if found is MISSING:
            self._missing(name)
            return '""'
        return encode(found)

    def _missing(self, name: str) -> None:
        self._doubt(f"An event has no <{name}>; what AWS puts there is not documented, the twin an empty string.")

    def _doubt(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)

    def _value(self, name: str) -> Value:
        if name.startswith("$"):
            steps = parse_path(name)
            if len(steps) == 2 and all(isinstance(step, str) for step in steps):
                return _two_keys(*steps)
            return lambda event: look_up(event, steps)
        reserved = name.removeprefix("aws.pipes.")
        if reserved in self._facts:
            fact = self._facts[reserved]
            return lambda event: fact
        if reserved == "event.ingestion-time":
            return lambda event: datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if reserved in ("event", "event.json"):
            return lambda event: event
        raise PipeSettingsError(f"The input template has the unknown reserved variable <{name}>.")


def _two_keys(first: Any, second: Any) -> Value:
    # `<$.data.data>`, the usual form, without the general loop.
    def value(event: Event) -> Any:
        inner = event.get(first)
        return inner.get(second, MISSING) if isinstance(inner, dict) else MISSING

    return value


def _ends_in_string(literal: str, inside: bool) -> bool:
    escaped = False
    for character in literal:
        if escaped:
            escaped = False
        elif character == "\\" and inside:
            escaped = True
        elif character == '"':
            inside = not inside
    return inside
