"""What may change in a schema that has been released, and what may not.

Events outlive the code around them: an old one is read again by new code (from the stream, a dead-letter queue, a
reload of the outbox), a new one by old code of another team. So of a released schema everything stays but words for
people and the order of things; an object may get a member that nobody has to send. All else is another type of event.

Released forms are kept in `contract/released`, the schemas themselves stand beside the code that reads them.
`python -m contract.release` writes the former from the latter, and refuses what would break anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS, RELEASED = ROOT / "functions" / "common", ROOT / "contract" / "released"
# JSON Schema 2020-12, "A Vocabulary for Basic Meta-Data Annotations"; `$id` names the type, and is compared with it.
WORDS = frozenset({"title", "description", "$comment", "examples", "deprecated", "$schema", "$defs"})

Schema = Mapping[str, Any]


def read(folder: Path) -> dict[str, Schema]:
    """The schemas in a folder, by the name of their file."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.schema.json"))}


def broken(released: Schema, current: Schema) -> list[str]:
    """What a change would break, each with its place; empty if it breaks nobody."""
    return list(_broken(_Whole(released), released, _Whole(current), current, "event"))


class _Whole:
    """A schema with its definitions."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Schema = schema.get("$defs", {})

    def resolved(self, node: Schema) -> dict[str, Any]:
        """The node with what it refers to in its place; words for people left out."""
        found = dict(node)
        while "$ref" in found:
            name = str(found.pop("$ref")).removeprefix("#/$defs/")
            found = {**self._definitions[name], **found}
        return {keyword: value for keyword, value in found.items() if keyword not in WORDS}


def _broken(old_whole: _Whole, old: Schema, new_whole: _Whole, new: Schema, place: str) -> Iterator[str]:
    was, now = old_whole.resolved(old), new_whole.resolved(new)
    for keyword in sorted(was.keys() | now.keys()):
        before, after = was.get(keyword), now.get(keyword)
        match keyword:
            case "properties":
                yield from _members(old_whole, before or {}, new_whole, after or {}, place)
            case "items" if isinstance(before, dict) and isinstance(after, dict):
                yield from _broken(old_whole, before, new_whole, after, f"{place}[]")
            case "required" | "enum" | "type" if isinstance(before, list) and isinstance(after, list):
                if set(map(json.dumps, before)) != set(map(json.dumps, after)):
                    yield f"{place}: {keyword} was {before}, is {after}"
            case _:
                if before != after:
                    yield f"{place}: {keyword} was {before!r}, is {after!r}"


def _members(old_whole: _Whole, old: Schema, new_whole: _Whole, new: Schema, place: str) -> Iterator[str]:
    # A member that is new and required shows in `required`.
    for name in old:
        if name not in new:
            yield f"{place}.{name}: is gone"
        else:
            yield from _broken(old_whole, old[name], new_whole, new[name], f"{place}.{name}")
