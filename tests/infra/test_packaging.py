"""Zips: the same input gives the same bytes; only what a handler reaches is in them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from infra.packaging import ROOT, PackagingError, build, host_architecture, host_runtime


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(
        tmp_path,
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
    return tmp_path


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
