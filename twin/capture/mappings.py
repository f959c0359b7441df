"""Table mappings of a DMS task: which tables, and how a row becomes a record. Pure.

Taken: selection rules (include, exclude, explicit) with the wildcards of DMS, and one object-mapping
rule a table with map-record-to-record. Everything else DMS knows (transformations, filters, table
settings, map-record-to-document) is refused by its rule-id: a rule that did something on AWS and
nothing here would teach the wrong thing.
Sources: DMS user guide, "Selection rules and actions", "Wildcards in table mapping", "Using object
mapping to migrate data to a Kinesis data stream".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_snake

from twin.capture.errors import SpecError
from twin.capture.settings import refuse

KeyType = Literal["schema-table", "transaction-id", "primary-key", "constant", "attribute-name"]
TEMPLATE = re.compile(r"\$\{([^}]*)\}")


def _kebab(name: str) -> str:
    return to_snake(name).replace("_", "-")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=_kebab, frozen=True)


class Locator(_Part):
    """Names of schemas and tables, with wildcards."""

    schema_name: str = Field(min_length=1)
    table_name: str = Field(min_length=1)
    table_type: Literal["table"] = "table"

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return wildcard(self.schema_name), wildcard(self.table_name)

    def matches(self, schema: str, table: str) -> bool:
        """Tell whether a table is meant; names are case-sensitive."""
        schemas, tables = self._patterns
        return bool(schemas.fullmatch(schema) and tables.fullmatch(table))


def wildcard(pattern: str) -> re.Pattern[str]:
    """Translate %, _ and [...] of DMS into a regular expression."""
    parts = re.findall(r"%|_|\[[^\]]+\]|.", pattern, re.DOTALL)
    translated = []
    for part in parts:
        if len(part) > 1:
            characters = re.escape(part[1:-1]).replace("\\-", "-")
            translated.append(f"[{characters}]")
        else:
            translated.append({"%": ".*", "_": "."}.get(part) or re.escape(part))
    return re.compile("".join(translated), re.DOTALL)


class _Rule(_Part):
    rule_id: Annotated[str, BeforeValidator(str), Field(pattern=r"^\d+$")]
    rule_name: Annotated[str, BeforeValidator(str), Field(min_length=1)]
    object_locator: Locator


class Selection(_Rule):
    """Takes tables in or leaves them out."""

    rule_type: Literal["selection"]
    rule_action: Literal["include", "exclude", "explicit"]
    filters: list[Any] = []
    load_order: int | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(bool(self.filters), "filters are not supported by the twin: select whole tables.")
        refuse(self.load_order is not None, "load-order is not supported by the twin.")
        return self


class Attribute(_Part):
    """One attribute of the record, made of columns: a string, or a document of strings."""

    target_attribute_name: str = Field(min_length=1)
    attribute_type: Literal["scalar", "document"]
    attribute_sub_type: Literal["string", "json"]
    value: str | dict[str, Any]

    @model_validator(mode="after")
    def _check(self) -> Self:
        scalar = self.attribute_type == "scalar"
        fits = (self.attribute_sub_type, type(self.value)) == (("string", str) if scalar else ("json", dict))
        refuse(not fits, "the twin takes scalar/string with a text, or document/json with an object as value.")
        _check_leaves(self.value)
        return self

    @cached_property
    def columns(self) -> frozenset[str]:
        """Names of the columns that the value is made of."""
        return frozenset(name for text in _leaves(self.value) for name in TEMPLATE.findall(text))


def _leaves(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [leaf for part in value.values() for leaf in _leaves(part)]


def _check_leaves(value: Any) -> None:
    refuse(not isinstance(value, str | dict), "a value in a document must be a text or an object.")
    for part in value.values() if isinstance(value, dict) else ():
        _check_leaves(part)


class Constant(_Part):
    """A partition key that is the same for all rows."""

    value: str = Field(min_length=1, max_length=256)


class Parameters(_Part):
    """How the record and its partition key are made."""

    partition_key_type: KeyType | None = None
    partition_key_name: str | None = None
    partition_key: Constant | None = None
    exclude_columns: list[str] = []
    attribute_mappings: list[Attribute] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = self.partition_key_type == "attribute-name"
        refuse(named != (self.partition_key_name is not None), "partition-key-name goes with attribute-name only.")
        constant = self.partition_key_type in (None, "constant") and self.partition_key is not None
        refuse(self.partition_key is not None and not constant, "partition-key goes with constant only.")
        refuse(self.partition_key_type == "constant" and not constant, "constant needs partition-key.")
        # A row of the full load belongs to no transaction, and what DMS then takes is not documented.
        refuse(self.partition_key_type == "transaction-id", "transaction-id is not supported by the twin.")
        targets = [attribute.target_attribute_name for attribute in self.attribute_mappings]
        refuse(len(set(targets)) < len(targets), "two attribute-mappings have the same target-attribute-name.")
        return self


class ObjectMapping(_Rule):
    """Says how rows of a table become records."""

    rule_type: Literal["object-mapping"]
    rule_action: Literal["map-record-to-record"]
    mapping_parameters: Parameters = Parameters()


@dataclass(frozen=True)
class TableMappings:
    """The rules of a task."""

    selections: tuple[Selection, ...]
    objects: tuple[ObjectMapping, ...]

    def selects(self, schema: str, table: str) -> bool:
        """Tell whether the task takes a table; an exclusion wins over every inclusion."""
        actions = {rule.rule_action for rule in self.selections if rule.object_locator.matches(schema, table)}
        return bool(actions) and "exclude" not in actions

    def mapping(self, schema: str, table: str) -> ObjectMapping | None:
        """Give the object mapping of a table, None if it has none.

        Raises:
            SpecError: two rules claim the table.
        """
        rules = [rule for rule in self.objects if rule.object_locator.matches(schema, table)]
        if len(rules) > 1:
            ids = ", ".join(rule.rule_id for rule in rules)
            raise SpecError(f"Object-mapping rules {ids} of the table mappings all match {schema}.{table}: keep one.")
        return rules[0] if rules else None


_RULES: dict[str, type[Selection] | type[ObjectMapping]] = {"selection": Selection, "object-mapping": ObjectMapping}


def parse_mappings(document: Any) -> TableMappings:
    """Check the table mappings of a task (the parsed JSON).

    Raises:
        SpecError: a rule is wrong or not supported; the message names its rule-id.
    """
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or set(document) != {"rules"}:
        raise SpecError('The table mappings must be an object with one member "rules", a list.')
    parsed = [_parse_rule(rule) for rule in rules]
    for what in ("rule_id", "rule_name"):
        values = [getattr(rule, what) for rule in parsed]
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            raise SpecError(f"Two rules of the table mappings have the {_kebab(what)} {min(twice)}: it must be unique.")
    selections = tuple(rule for rule in parsed if isinstance(rule, Selection))
    if all(rule.rule_action == "exclude" for rule in selections):
        raise SpecError("The table mappings include no table: add a selection rule with rule-action include.")
    return TableMappings(selections, tuple(rule for rule in parsed if isinstance(rule, ObjectMapping)))


def _parse_rule(rule: Any) -> Selection | ObjectMapping:
    rule_id = rule.get("rule-id") if isinstance(rule, dict) else None
    kind = rule.get("rule-type") if isinstance(rule, dict) else None
    model = _RULES.get(str(kind))
    if model is None:
        raise SpecError(f"Rule {rule_id!r} of the table mappings: rule-type {kind!r} is not supported by the twin.")
    try:
        return model.model_validate(rule)
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or kind}: {part['msg']}" for part in error.errors(include_url=False)
        )
        raise SpecError(f"Rule {rule_id!r} of the table mappings is refused: {details}") from error
