"""Each function's zip holds all that its handler imports, nothing of the project beyond it, and costs little to start.

The twin's Lambda workers see this environment's packages behind the zip's, so only a bare interpreter shows what is
missing. What a cold start may cost is held here as far as it can be told without a clock (what is imported, and how
large the zips are); `make bench ONLY=cold-start` has the clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.cold_start_budget import DEFERRED, WITHOUT, ZIP_BYTES
from infra.packaging import build, folders, host_architecture, host_runtime

DATA = {"migrate": ["migrations"]}
FUNCTIONS = folders()
# What Lambda's Python runtime has of its own, or what belongs to the program and the twin.
FOREIGN = ("boto3", "botocore", "pulumi", "pulumi_aws", "infra", "twin", "tests")


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each function's zip, for this machine, in a folder of its own."""
    found = {}
    for name in FUNCTIONS:
        path = build(name, architecture=host_architecture(), runtime=host_runtime(), data=DATA.get(name, ()), host=True)
        found[name] = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(found[name])
    return found


def _loaded(name: str, folder: Path) -> dict[str, str]:
    """What importing the handler loads: modules, each with the file that it came from."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import functions.{name}.handler, json;"
        "print(json.dumps({name: getattr(module, '__cached__', None) or '' for name, module in sys.modules.items()}))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], cwd="/", capture_output=True, text=True, check=True, env={}
    )
    loaded: dict[str, str] = json.loads(result.stdout)
    return loaded


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_imports_in_a_bare_interpreter(name: str, unpacked: dict[str, Path]) -> None:
    code = f"import sys; sys.path.insert(0, {str(unpacked[name])!r}); from functions.{name}.handler import handle"
    # Neither this environment's packages nor its variables nor the current folder.
    result = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], cwd="/", capture_output=True, text=True,
                            check=False, env={})  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_foreign_is_shipped(name: str, unpacked: dict[str, Path]) -> None:
    assert not [foreign for foreign in FOREIGN if (unpacked[name] / foreign).exists()]
    shipped = {path.name for path in (unpacked[name] / "functions").iterdir() if path.is_dir()}
    assert shipped == {"common", name, "__pycache__"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_importing_a_handler_loads_nothing_that_can_wait(name: str, unpacked: dict[str, Path]) -> None:
    loaded = _loaded(name, unpacked[name])
    assert [module for module in loaded if any(f"{module}.".startswith(f"{wait}.") for wait in DEFERRED)] == []
    assert [package for package in WITHOUT.get(name, ()) if package in loaded] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_module_of_a_zip_that_is_loaded_has_its_bytecode_there(name: str, unpacked: dict[str, Path]) -> None:
    folder = unpacked[name]
    cached = [place for place in _loaded(name, folder).values() if place.startswith(str(folder))]
    assert len(cached) > 20
    assert [place for place in cached if not Path(place).is_file()] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zip_is_small(name: str) -> None:
    for architecture, runtime, host in (
        (host_architecture(), host_runtime(), True),
        ("arm64", "python3.13", False),
    ):
        path = build(name, architecture=architecture, runtime=runtime, data=DATA.get(name, ()), host=host)
        assert path.stat().st_size < ZIP_BYTES, path.name
