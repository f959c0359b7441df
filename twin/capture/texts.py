"""Texts made of the columns of a row: attributes of an object mapping, partition keys. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any

from twin.capture.catalog import Table
from twin.capture.columns import Render
from twin.capture.errors import SpecError
from twin.capture.mappings import TEMPLATE
from twin.capture.wal import Value

Values = Sequence[Value]
Text = Callable[[Values], str | None]
"""From the values of a row to a text, None where a column is null."""


class Texts:
    """Makes the functions that give texts of a table's rows.

    Args:
        table: the table.
        renders: for each column how its values are written in JSON; None for columns that are left out.
        rule: how messages call the mapping.
    """

    def __init__(self, table: Table, renders: Sequence[Render | None], rule: str) -> None:
        self._table = table
        self._renders = renders
        self._rule = rule
        self._places = {column.name: place for place, column in enumerate(table.columns)}

    def require(self, names: Iterable[str]) -> None:
        """See whether columns exist.

        Raises:
            SpecError: one does not.
        """
        for name in sorted(names):
            if name not in self._places:
                raise SpecError(f"{self._rule}: {self._table.sql_name} has no column {name}.")

    def column(self, name: str) -> Text:
        """Give the text of a column as the record shows it, without quotes.

        Raises:
            SpecError: there is no such column.
        """
        self.require([name])
        place = self._places[name]
        render = self._renders[place]
        if self._table.columns[place].kind in ("string", "integer") or render is None:
            return lambda values: value if isinstance(value := values[place], str) else None
        # Other kinds appear as in the record; none of them has characters that JSON escapes.
        return lambda values: render(value).strip('"') if isinstance(value := values[place], str) else None

    def template(self, template: str) -> Text:
        """Give a text with ${column} filled in: null if it is nothing but one column that is null.

        Raises:
            SpecError: it names a column that does not exist.
        """
        parts = TEMPLATE.split(template)
        texts = [self.column(name) for name in parts[1::2]]
        fixed = parts[0::2]
        if len(texts) == 1 and fixed == ["", ""]:
            return texts[0]

        def fill(values: Values) -> str:
            filled = [text(values) or "" for text in texts] + [""]
            return "".join(part + value for part, value in zip(fixed, filled, strict=True))

        return fill

    def json(self, value: Any) -> Text:
        """Give the JSON of an attribute: a string, or a document whose null members are left out.

        Raises:
            SpecError: it names a column that does not exist.
        """
        if isinstance(value, str):
            text = self.template(value)
            return lambda values: None if (filled := text(values)) is None else encode_basestring(filled)
        members = [(encode_basestring(name), self.json(part)) for name, part in value.items()]

        def document(values: Values) -> str:
            filled = [(name, write(values)) for name, write in members]
            return "{" + ",".join(f"{name}:{json_}" for name, json_ in filled if json_ is not None) + "}"

        return document
