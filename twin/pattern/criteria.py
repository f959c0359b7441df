"""Filter criteria of a pipe or an event source mapping: up to five patterns, of which one must match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twin.pattern.errors import PatternError
from twin.pattern.pattern import OR, Predicate, compile_object, decode_pattern

MAX_FILTERS = 5


def filter_patterns(criteria: Mapping[str, Any] | None) -> list[str]:
    """Give the texts of the patterns in `{"filters": [{"pattern": text}]}`; none if there are no criteria."""
    filters = (criteria or {}).get("filters") or []
    return [str(entry["pattern"]) for entry in filters if entry.get("pattern")]


class FilterCriteria:
    """Decides which events are taken.

    Args:
        patterns: texts of the patterns; without any, every event is taken.
        json_field: field of the event whose pattern must be an object (the data of a stream), if there is one.
        refused_fields: top-level fields that AWS adds after filtering and so cannot filter by.

    Raises:
        PatternError: a pattern that AWS would refuse, or more than five.
    """

    def __init__(
        self, patterns: Sequence[str], *, json_field: str | None = None, refused_fields: frozenset[str] = frozenset()
    ) -> None:
        if len(patterns) > MAX_FILTERS:
            raise PatternError(f"There are {len(patterns)} filters; AWS takes {MAX_FILTERS}.")
        self._tests: list[Predicate] = []
        for text in patterns:
            pattern = decode_pattern(text)
            if not pattern:
                # AWS takes `{}` as a filter that lets everything through.
                self._tests.append(lambda event: True)
                continue
            for key, value in _top_level(pattern):
                if key in refused_fields:
                    raise PatternError(f"The pattern filters by {key!r}, which AWS adds after filtering.")
                if key == json_field and not isinstance(value, dict):
                    raise PatternError(
                        f"The pattern of {key!r} must be an object: a stream is filtered by fields of its JSON data."
                    )
            self._tests.append(compile_object(pattern, "$"))

    def matches(self, event: Any) -> bool:
        """Tell whether the event is taken."""
        tests = self._tests
        return not tests or any(test(event) for test in tests)


def _top_level(pattern: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in pattern.items():
        if key == OR and isinstance(value, list):
            for alternative in value:
                if isinstance(alternative, dict):
                    yield from _top_level(alternative)
        else:
            yield key, value
