"""Archives: described for the state, turned back for the program, packed for Lambda."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pulumi
import pytest

from twin.cloud.assets import archive_bytes, plain, real
from twin.cloud.errors import InputError


def _names(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_changed_file_is_a_changed_input(tmp_path: Path) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(b"one")
    before = plain({"code": pulumi.FileArchive(str(path))})
    path.write_bytes(b"two")
    assert plain({"code": pulumi.FileArchive(str(path))}) != before


def test_a_described_asset_turns_back_into_the_asset(tmp_path: Path) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(b"zip")
    turned = real(plain({"list": [pulumi.FileArchive(str(path))]}))
    assert isinstance(turned["list"][0], pulumi.FileArchive)
    assert turned["list"][0].path == str(path)


def test_a_folder_and_a_mixed_archive_become_zips_that_are_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "a.py").write_text("A = 1")
    folder = pulumi.FileArchive(str(tmp_path / "package"))
    mixed = pulumi.AssetArchive({"b.txt": pulumi.StringAsset("b"), "lib": folder})
    content = archive_bytes(plain(mixed), "code")
    assert _names(content) == {"b.txt": b"b", "lib/a.py": b"A = 1"}
    assert archive_bytes(plain(folder), "code") == archive_bytes(plain(folder), "code")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"/nowhere/f\.zip"):
        plain({"code": pulumi.FileArchive("/nowhere/f.zip")})


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(InputError, match="code must be an archive"):
        archive_bytes("f.zip", "code")


def test_whole_numbers_of_the_wire_are_whole() -> None:
    value = plain({"batchSize": 10.0, "rate": 0.5})
    assert value == {"batchSize": 10, "rate": 0.5}
    assert isinstance(value["batchSize"], int)
