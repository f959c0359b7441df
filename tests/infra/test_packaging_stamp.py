"""A zip is looked into again when anything that it follows from has changed, and only then."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.packaging import build, bytecode, source, zips


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {
        "functions/__init__.py": "",
        "functions/common/__init__.py": "",
        "functions/common/used.py": "VALUE = 1\n",
        "functions/common/unused.py": "",
        "functions/greet/__init__.py": "",
        "functions/greet/handler.py": "from functions.common.used import VALUE\n",
        "functions/greet/script.lua": "return 1",
        "migrations/0001_first.sql": "select 1;",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each time that somebody looks for a handler's modules."""
    seen: list[Path] = []

    def noting(entry: Path, root: Path) -> list[Path]:
        seen.append(entry)
        return source.modules(entry, root)

    monkeypatch.setattr(zips, "modules", noting)
    monkeypatch.setattr(zips, "compiler", lambda runtime: None)
    return seen


def made(repository: Path) -> Path:
    return build("greet", architecture="arm64", runtime="python3.13", data=["migrations"], root=repository)


def change(name: str, text: str) -> Callable[[Path], None]:
    def changed(repository: Path) -> None:
        (repository / name).write_text(text)

    return changed


def test_nothing_is_looked_into_twice(repository: Path, looked: list[Path]) -> None:
    first = made(repository).read_bytes()
    assert made(repository).read_bytes() == first
    change("functions/common/unused.py", "VALUE = 2\n")(repository)
    assert made(repository).read_bytes() == first
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("changed", "held"),
    [
        (change("functions/greet/handler.py", "import functions.common.used as used\n"), "functions/greet/handler.py"),
        (change("functions/common/used.py", "VALUE = 3\n"), "functions/common/used.py"),
        (change("functions/greet/script.lua", "return 2"), "functions/greet/script.lua"),
        (change("functions/greet/second.lua", "return 3"), "functions/greet/second.lua"),
        (change("migrations/0002_second.sql", "select 2;"), "migrations/0002_second.sql"),
    ],
    ids=["handler", "module", "data", "new data", "named data"],
)
def test_a_change_is_in_the_zip(
    repository: Path, looked: list[Path], changed: Callable[[Path], None], held: str
) -> None:
    made(repository)
    changed(repository)
    with zipfile.ZipFile(made(repository)) as archive:
        assert archive.read(held) == (repository / held).read_bytes()
    assert len(looked) == 2


def test_a_first_lock_is_looked_into(
    repository: Path, looked: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "fetched.py").write_text("")
    monkeypatch.setattr(zips, "installed", lambda *_, **__: packages)
    made(repository)
    change("functions/greet/requirements.txt", "fetched\n")(repository)
    with zipfile.ZipFile(made(repository)) as archive:
        assert "fetched.py" in archive.namelist()


def test_a_file_that_is_gone_is_no_longer_in_the_zip(repository: Path, looked: list[Path]) -> None:
    made(repository)
    (repository / "functions/greet/script.lua").unlink()
    with zipfile.ZipFile(made(repository)) as archive:
        assert "functions/greet/script.lua" not in archive.namelist()


@pytest.mark.parametrize("text", ["", "no zip"])
def test_a_zip_that_is_not_the_one_of_the_stamp_is_made_again(repository: Path, looked: list[Path], text: str) -> None:
    path = made(repository)
    path.write_text(text)
    with zipfile.ZipFile(made(repository)) as archive:
        assert "functions/greet/handler.py" in archive.namelist()


def test_another_interpreter_for_the_bytecode_is_another_zip(
    repository: Path, looked: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(repository)
    monkeypatch.setattr(zips, "compiler", lambda runtime: bytecode.Compiler("/bin/true", "3.13.99"))
    made(repository)
    assert len(looked) == 2
