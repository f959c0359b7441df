"""Code archives: Pulumi's assets as plain data, and the zips that are made of them.

The state is JSON, so an asset is described by what it is and by a hash of its
content; a changed file is then seen as a changed input.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from twin.cloud.errors import InputError
from twin.cloud.kind import Unknown

ASSET = "twin:asset"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def plain(value: Any) -> Any:
    """Copy a property value with every asset in it replaced by its description.

    Raises:
        InputError: an asset that is not on this machine, or a value of no type of Pulumi's.
    """
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        description = _describe(value)
        return {ASSET: description, "sha256": hashlib.sha256(_content(description)).hexdigest()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | Unknown):
        return value
    if isinstance(value, float):
        # Everything that crosses Pulumi's wire is a double: whole numbers are meant as such.
        return int(value) if value.is_integer() else value
    raise InputError(f"A value of type {type(value).__name__} cannot be an input: {value!r}.")


def real(value: Any) -> Any:
    """Copy a property value with every description of an asset turned back into the asset."""
    if isinstance(value, Mapping):
        return _asset(value[ASSET]) if ASSET in value else {key: real(item) for key, item in value.items()}
    return [real(item) for item in value] if isinstance(value, list) else value


def _asset(description: Mapping[str, Any]) -> pulumi.Asset | pulumi.Archive:
    match description["kind"]:
        case "StringAsset":
            return pulumi.StringAsset(description["text"])
        case "FileAsset":
            return pulumi.FileAsset(description["path"])
        case "FileArchive":
            return pulumi.FileArchive(description["path"])
    return pulumi.AssetArchive({name: _asset(part) for name, part in description["assets"].items()})


def archive_bytes(value: Any, prop: str) -> bytes:
    """Give the zip that a described archive stands for.

    Raises:
        InputError: it is no archive, or its files are gone.
    """
    if not isinstance(value, Mapping) or ASSET not in value:
        raise InputError(f"{prop} must be an archive, such as pulumi.FileArchive('function.zip'), not {value!r}.")
    return _content(value[ASSET])


def _describe(asset: pulumi.Asset | pulumi.Archive) -> dict[str, Any]:
    match asset:
        case pulumi.FileArchive() | pulumi.FileAsset():
            return {"kind": type(asset).__name__, "path": str(Path(asset.path).resolve())}
        case pulumi.StringAsset():
            return {"kind": "StringAsset", "text": asset.text}
        case pulumi.AssetArchive():
            return {"kind": "AssetArchive", "assets": {name: _describe(part) for name, part in asset.assets.items()}}
        case _:
            raise InputError(f"{type(asset).__name__} is not on this machine: take a FileArchive or FileAsset.")


def _content(description: Mapping[str, Any]) -> bytes:
    match description["kind"]:
        case "StringAsset":
            return str(description["text"]).encode()
        case "FileAsset":
            return _read(Path(description["path"]))
        case "FileArchive" if not Path(description["path"]).is_dir():
            return _read(Path(description["path"]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_members(description)):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


def _members(description: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bytes]]:
    if description["kind"] == "AssetArchive":
        for name, part in description["assets"].items():
            yield from _members(part, f"{prefix}/{name}" if prefix else name)
        return
    path = Path(description.get("path", ""))
    if description["kind"] == "FileArchive" and path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(path).as_posix()
                yield (f"{prefix}/{name}" if prefix else name), file.read_bytes()
    elif description["kind"] == "FileArchive":
        with zipfile.ZipFile(io.BytesIO(_read(path))) as nested:
            for name in nested.namelist():
                yield (f"{prefix}/{name}" if prefix else name), nested.read(name)
    else:
        yield prefix, _content(description)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"The file {path} of an asset cannot be read: {error.strerror}.") from error


def sha256_base64(content: bytes) -> str:
    """Hash as Lambda's CodeSha256 has it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
