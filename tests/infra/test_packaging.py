"""Zips: the same input gives the same bytes; only what a handler reaches is in them."""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
import zipfile
from pathlib import Path

import pytest

from infra.packaging import ROOT, PackagingError, build, bytecode, host_architecture, host_runtime, zips
from infra.packaging.dependencies import unused


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(autouse=True)
def without_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which interpreters this machine has must not matter to what is not about them."""
    monkeypatch.setattr(zips, "compiler", lambda runtime: None)


@pytest.fixture
def with_bytecode(without_bytecode: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "compiler", lambda runtime: bytecode.compiler(host_runtime()))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return written_to(tmp_path)


def written_to(folder: Path) -> Path:
    write(
        folder,
        {
            "functions/__init__.py": "",
            "functions/common/__init__.py": "",
            "functions/common/used.py": "from functions.common.deep import VALUE\n",
            "functions/common/deep.py": "VALUE = 1\n",
            "functions/common/unused.py": "",
            "functions/greet/__init__.py": "",
            "functions/greet/handler.py": "import json\nfrom functions.common import used\n",
            "functions/greet/script.lua": "return 1",
            "functions/greet/requirements.in": "nothing",
            "functions/other/handler.py": "",
            "migrations/0001_first.sql": "select 1;",
        },
    )
    return folder


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def zip_of(repository: Path, function: str = "greet", **options: list[str]) -> Path:
    return build(function, architecture="arm64", runtime="python3.13", root=repository, **options)  # type: ignore[arg-type]


def test_a_zip_holds_what_the_handler_reaches_and_no_more(repository: Path) -> None:
    assert names(zip_of(repository)) == [
        "functions/__init__.py",
        "functions/common/__init__.py",
        "functions/common/deep.py",
        "functions/common/used.py",
        "functions/greet/__init__.py",
        "functions/greet/handler.py",
        "functions/greet/script.lua",
    ]


@pytest.mark.usefixtures("with_bytecode")
def test_all_modules_go_along_compiled(repository: Path) -> None:
    path = zip_of(repository)
    tag = sys.implementation.cache_tag
    compiled = [name for name in names(path) if name.endswith(".pyc")]
    assert compiled == [
        f"functions/__pycache__/__init__.{tag}.pyc",
        f"functions/common/__pycache__/__init__.{tag}.pyc",
        f"functions/common/__pycache__/deep.{tag}.pyc",
        f"functions/common/__pycache__/used.{tag}.pyc",
        f"functions/greet/__pycache__/__init__.{tag}.pyc",
        f"functions/greet/__pycache__/handler.{tag}.pyc",
    ]
    with zipfile.ZipFile(path) as archive:
        content = archive.read(f"functions/common/__pycache__/deep.{tag}.pyc")
    assert content[:4] == importlib.util.MAGIC_NUMBER
    # By hash, and never compared with the source (PEP 552): a copy's time stamp does not make it useless.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert marshal.loads(content[16:]).co_filename == "/var/task/functions/common/deep.py"


@pytest.mark.usefixtures("with_bytecode")
def test_bytecode_is_the_same_wherever_it_is_made(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = zip_of(written_to(tmp_path)).read_bytes()
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    assert zip_of(written_to(tmp_path_factory.mktemp("another"))).read_bytes() == first


@pytest.mark.usefixtures("with_bytecode")
def test_what_is_no_python_is_left_without_bytecode(repository: Path) -> None:
    write(repository, {"functions/greet/template.py": "{{ name }} is", "functions/greet/handler.py": ""})
    (repository / "functions/greet/handler.py").write_text("from functions.common import used\n")
    (repository / "functions/common/used.py").write_text("def f() -> None:\n    import functions.common.deep\n")
    assert len([name for name in names(zip_of(repository)) if name.endswith(".pyc")]) == 6


def test_an_interpreter_of_the_runtimes_own_version_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bytecode.compiler.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    own = bytecode.compiler(host_runtime())
    assert own is not None
    assert own.executable == sys.executable
    assert own.version == ".".join(map(str, sys.version_info[:3]))
    # A launcher with nothing behind it, and one that leads to another version.
    for script in ("exit 127", f'exec {sys.executable} "$@"'):
        bytecode.compiler.cache_clear()
        caplog.clear()
        launcher = tmp_path / "python3.99"
        launcher.write_text(f"#!/bin/sh\n{script}\n")
        launcher.chmod(0o755)
        assert bytecode.compiler("python3.99") is None
        assert bytecode.compiler("python3.99") is None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "python3.99" in caplog.text
    bytecode.compiler.cache_clear()


def test_parts_that_nobody_uses_stay_out_and_a_used_package_is_whole() -> None:
    powertools = {path for path in unused([]) if path.startswith("aws_lambda_powertools/")}
    assert powertools
    assert "pydantic/v1" in unused(["aws_lambda_powertools.utilities.idempotency.base", "json"])
    assert not powertools & set(unused(["aws_lambda_powertools.utilities.idempotency.base"]))
    assert powertools <= set(unused(["aws_lambda_powertools", "aws_lambda_powertools.utilities.typing"]))
    assert powertools <= set(unused(["pydantic.v1"]))
    assert "pydantic/v1" not in unused(["pydantic.v1"])
    assert "pydantic/v1" in unused(["pydantic.v10"])


def test_named_data_go_along(repository: Path) -> None:
    assert "migrations/0001_first.sql" in names(zip_of(repository, data=["migrations"]))


def test_the_same_input_gives_the_same_bytes(repository: Path) -> None:
    first = zip_of(repository).read_bytes()
    for path in repository.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert zip_of(repository).read_bytes() == first
    (repository / "functions/common/unused.py").write_text("changed = True")
    assert zip_of(repository).read_bytes() == first
    (repository / "functions/common/deep.py").write_text("VALUE = 2")
    assert zip_of(repository).read_bytes() != first


def test_a_zip_that_was_damaged_is_made_again(repository: Path) -> None:
    path = zip_of(repository)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert zip_of(repository).read_bytes() == whole


def test_functions_ship_the_versions_they_are_tested_with() -> None:
    tested = pins(ROOT / "requirements-dev.txt")
    locks = sorted((ROOT / "functions").glob("*/requirements.txt"))
    assert len(locks) == len(list((ROOT / "functions").glob("*/handler.py")))
    for lock in locks:
        assert pins(lock).items() <= tested.items(), lock


def pins(lock: Path) -> dict[str, str]:
    lines = [line.split(";")[0].rstrip(" \\") for line in lock.read_text().splitlines() if line[:1].isalnum()]
    return {name.split("[")[0]: version for name, version in (line.split("==") for line in lines)}


def test_what_is_missing_is_named(repository: Path) -> None:
    with pytest.raises(PackagingError, match="no function 'nobody'"):
        zip_of(repository, "nobody")
    with pytest.raises(PackagingError, match="'nowhere'"):
        zip_of(repository, data=["nowhere"])
    (repository / "functions/greet/handler.py").write_text("from functions.common.absent import x")
    with pytest.raises(PackagingError, match=r"functions\.common\.absent"):
        zip_of(repository)


def test_an_unknown_architecture_is_refused(repository: Path) -> None:
    (repository / "functions/greet/requirements.txt").write_text("six==1.17.0 --hash=sha256:00\n")
    with pytest.raises(PackagingError, match="mips"):
        build("greet", architecture="mips", runtime="python3.13", root=repository)


def test_packages_that_cannot_be_installed_leave_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(repository))
    (repository / "functions/greet/requirements.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(PackagingError, match="six"):
        zip_of(repository)
    assert list((repository / ".build" / "dependencies").iterdir()) == []


def test_the_host_is_named_as_lambda_names_it() -> None:
    assert host_architecture() in ("arm64", "x86_64")
    assert host_runtime().startswith("python3.")
