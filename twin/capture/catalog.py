"""Tables of the source as its catalogue describes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from twin.capture.columns import Column
from twin.capture.wal import insert_pattern

# Partitioned tables are out: DMS does not capture them as one table. So are its own tables.
_TABLES = """
select n.nspname, c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p' and not c.relispartition
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relname !~ '^awsdms_'
order by 1, 2
"""

_COLUMNS = """
select a.attname, quote_ident(a.attname), format_type(a.atttypid, null),
       format_type(coalesce(b.oid, t.oid), null),
       case when b.oid is null then a.atttypmod else t.typtypmod end,
       coalesce(b.typtype, t.typtype), coalesce(b.typcategory, t.typcategory) = 'A',
       coalesce(array_position(k.conkey, a.attnum), 0),
       quote_ident(n.nspname) || '.' || quote_ident(c.relname)
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""


@dataclass(frozen=True)
class Table:
    """A table: names as they are, `sql_name` qualified as SQL writes it, all its columns in order."""

    schema: str
    name: str
    sql_name: str
    columns: tuple[Column, ...]

    @cached_property
    def match_insert(self) -> Callable[[str], re.Match[str] | None]:
        """Match a message about an insert into the table: one group a column, quotes still doubled."""
        return insert_pattern(self.sql_name, [(column.sql_name, column.type) for column in self.columns]).fullmatch

    @property
    def key(self) -> tuple[Column, ...]:
        """Columns of the primary key in its order."""
        return tuple(sorted((column for column in self.columns if column.key), key=lambda column: column.key))

    def has_shape(self, names: tuple[str, ...], types: tuple[str, ...]) -> bool:
        """Tell whether a row of the log has the columns of this description."""
        return names == tuple(column.name for column in self.columns) and types == tuple(
            column.type for column in self.columns
        )


def list_tables(cursor: Any) -> list[tuple[str, str]]:
    """Give (schema, name) of all tables that DMS could capture."""
    cursor.execute(_TABLES)
    return [(schema, name) for schema, name in cursor.fetchall()]


def describe(cursor: Any, schema: str, name: str) -> Table | None:
    """Give the description of a table, None if there is no such table."""
    cursor.execute(_COLUMNS, (schema, name))
    rows = cursor.fetchall()
    if not rows:
        return None
    columns = tuple(
        Column(name_, sql, type_, base, modifier, kind, array, key)
        for name_, sql, type_, base, modifier, kind, array, key, _ in rows
    )
    return Table(schema, name, rows[0][8], columns)
