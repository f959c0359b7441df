"""The packages' schemas, as far as the twin knows their types: what `pulumi package get-schema` shows."""

from __future__ import annotations

import json
import re
from typing import Any

from twin.cloud.invokes import INVOKES
from twin.cloud.registry import coverage
from twin.cloud.replacing import replacing
from twin.cloud.sdk import type_info, version

# "Package schema", Pulumi documentation: types of properties. What is no plain value is given as any value.
_TYPES = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
_ANY = {"$ref": "pulumi.json#/Any"}


def schema(package: str) -> str:
    """Describe a package as JSON."""
    resources = {token: _resource(token) for token, _ in coverage() if token.startswith(f"{package}:")}
    functions: dict[str, Any] = {
        token: {"inputs": {}, "outputs": {}} for token in INVOKES if token.startswith(f"{package}:")
    }
    return json.dumps(
        {
            "name": package,
            "version": version(package),
            "description": f"The part of {package} that the twin stands in for.",
            "provider": {"inputProperties": {"region": {"type": "string"}} if package == "aws" else {}},
            "resources": {token: found for token, found in resources.items() if found},
            "functions": functions,
        }
    )


def _resource(token: str) -> dict[str, Any]:
    info = type_info(token)
    if info is None:
        return {}
    replaces = replacing(token, {})
    return {
        "properties": {
            name: {**_type(kind), **({"secret": True} if name in info.secrets else {})}
            for name, kind in info.outputs.items()
        },
        "inputProperties": {
            name: {**_type(kind), **({"willReplaceOnChanges": True} if name in replaces else {})}
            for name, kind in info.inputs.items()
        },
    }


def _type(annotation: str) -> dict[str, Any]:
    plain = re.fullmatch(r"pulumi\.(?:In|Out)put\[(?:Optional\[)?_builtins\.(\w+)\]*", annotation)
    return {"type": _TYPES[plain[1]]} if plain and plain[1] in _TYPES else dict(_ANY)
