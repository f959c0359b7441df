"""What the provider's Python package says of a resource type: the names of its properties.

The package is read, not imported: an import of one service takes longer than
all that is needed here.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# A property in a class of the package: a getter, whose name is given where it differs from the method's.
_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n(?:    @.*\n)*    def (\w+)\(self\) -> ([^\n]*):\n')
_SECRET = re.compile(r"additional_secret_outputs=\[([^\]]*)\]")


@dataclass(frozen=True)
class TypeInfo:
    """A resource type as the package declares it; types of properties are texts of Python.

    Args:
        inputs: type by input.
        outputs: type by output, inputs among them.
        secrets: outputs that are always secret.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    secrets: frozenset[str]


@cache
def type_info(token: str) -> TypeInfo | None:
    """Look a type up; None if no installed package declares it."""
    package, module, name = token.split(":")
    path = _folder(package)
    if path is None:
        return None
    for part in module.split("/"):
        path /= _snake(part) if part != "index" else ""
    try:
        source = path.with_suffix(".py").read_text("utf-8")
    except OSError:
        return None
    arguments = _body(source, rf"class {name}Args:")
    resource = _body(source, rf"class {name}\(pulumi\.CustomResource\):")
    secrets = _SECRET.search(resource)
    return TypeInfo(
        _properties(arguments), _properties(resource), frozenset(re.findall(r'"(\w+)"', secrets[1] if secrets else ""))
    )


@cache
def version(package: str) -> str:
    """Give the version of the installed package of a provider."""
    return importlib.metadata.version(f"pulumi-{package}")


@cache
def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(f"pulumi_{package}")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def _body(source: str, head: str) -> str:
    found = re.search(head + r".*?(?=^(?:@|class )|\Z)", source, re.DOTALL | re.MULTILINE)
    return found[0] if found else ""


def _properties(body: str) -> dict[str, str]:
    return {given or method: kind for given, method, kind in _GETTER.findall(body)}
