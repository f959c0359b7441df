"""The stack's configuration as the Pulumi CLI would pass it: defaults of the project, then the stack's values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from twin.driver.errors import ConfigurationError


def read_config(folder: Path, stack: str, overrides: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Read `Pulumi.yaml` and `Pulumi.<stack>.yaml`.

    Args:
        folder: the project's folder.
        stack: name of the stack.
        overrides: values that win over the files; a key without a namespace is one of the project's.

    Returns:
        Values by full key (`orders:region`); what is not a text is JSON, as in Pulumi itself.

    Raises:
        ConfigurationError: a file is missing or no YAML, or a value is encrypted (there is no key for it here).
    """
    project = _load(folder / "Pulumi.yaml")
    path = folder / f"Pulumi.{stack}.yaml"
    namespace = str(project["name"])
    found = {
        **_defaults(project.get("config") or {}),
        **(_load(path).get("config") or {}),
        **(overrides or {}),
    }
    values: dict[str, str] = {}
    for key, value in found.items():
        if isinstance(value, Mapping) and "secure" in value:
            raise ConfigurationError(f"{path.name}: {key} is encrypted, and the twin has no key: give it in clear.")
        if value is not None:
            values[key if ":" in key else f"{namespace}:{key}"] = value if isinstance(value, str) else json.dumps(value)
    return values


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values in the project's own file: `default` of a key, `value` for another namespace, or the bare one."""
    found: dict[str, Any] = {}
    for key, entry in schema.items():
        if not isinstance(entry, Mapping):
            found[key] = entry
        elif "default" in entry or "value" in entry:
            found[key] = entry.get("value", entry.get("default"))
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} does not hold a YAML mapping.")
    return document
