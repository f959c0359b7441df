"""Each function's zip holds all that its handler imports, and nothing of the project that it does not.

The twin's Lambda workers see this environment's packages behind the zip's, so only a bare interpreter shows what
is missing.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.packaging import ROOT, build, host_architecture, host_runtime

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
# What Lambda's Python runtime has of its own, or what belongs to the program and the twin.
FOREIGN = ("boto3", "botocore", "pulumi", "pulumi_aws", "infra", "twin", "tests")


@pytest.fixture(scope="session", params=FUNCTIONS)
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A function's name, and its zip's content in a folder of its own."""
    name = str(request.param)
    data = ["migrations"] if name == "migrate" else []
    folder = tmp_path_factory.mktemp(name)
    with zipfile.ZipFile(
        build(name, architecture=host_architecture(), runtime=host_runtime(), data=data, host=True)
    ) as archive:
        archive.extractall(folder)
    return name, folder


def test_the_handler_imports_in_a_bare_interpreter(unpacked: tuple[str, Path]) -> None:
    name, folder = unpacked
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from functions.{name}.handler import handle; handle"
    result = subprocess.run(
        # Neither this environment's packages nor its variables nor the current folder.
        [sys.executable, "-I", "-S", "-B", "-c", code], cwd="/", capture_output=True, text=True, check=False, env={},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_nothing_foreign_is_shipped(unpacked: tuple[str, Path]) -> None:
    name, folder = unpacked
    assert not [foreign for foreign in FOREIGN if (folder / foreign).exists()]
    others = {path.name for path in (folder / "functions").iterdir() if path.is_dir()} - {"common", name}
    assert others == set()
