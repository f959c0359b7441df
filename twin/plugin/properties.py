"""Property values as they cross Pulumi's wire, and as the cloud takes them.

On the wire, secrets, assets and references to resources are objects with a
signature, and what is not known yet is one of a few fixed texts. The cloud
takes plain values, descriptions of assets (`twin.cloud.assets`) and `UNKNOWN`;
which of them are secret is kept beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

from twin.cloud.assets import ASSET
from twin.cloud.errors import InputError
from twin.cloud.kind import UNKNOWN, Unknown

Steps = tuple[str | int, ...]

SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
ASSETS = (rpc._special_asset_sig, rpc._special_archive_sig)
# One for each type that a value may have ("Unknowns", Pulumi's provider protocol).
UNKNOWNS = frozenset(
    {
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


@dataclass(frozen=True)
class Properties:
    """Values by property, and where among them there are secrets.

    Args:
        values: plain values.
        secrets: paths of those that are secret.
    """

    values: dict[str, Any]
    secrets: frozenset[Steps] = frozenset()


def received(message: struct_pb2.Struct, folder: Path) -> Properties:
    """Take properties off the wire.

    Args:
        message: as the engine sent it.
        folder: what relative paths of assets start from.

    Raises:
        InputError: an asset that is not on this machine.
    """
    reading = _Reading(folder, set())
    values = {key: reading.value(value, (key,)) for key, value in json_format.MessageToDict(message).items()}
    return Properties({key: value for key, value in values.items() if value is not None}, frozenset(reading.secrets))


def sent(values: Mapping[str, Any], secrets: frozenset[Steps] = frozenset()) -> struct_pb2.Struct:
    """Put properties on the wire, those at the paths in `secrets` as secrets."""
    message = struct_pb2.Struct()
    given = {key: _written(value, (key,), secrets) for key, value in values.items() if value is not None}
    json_format.ParseDict(given, message)
    return message


@dataclass
class _Reading:
    folder: Path
    secrets: set[Steps]

    def value(self, value: Any, path: Steps) -> Any:
        if isinstance(value, dict):
            return self._object(value, path) if SIGNATURE in value else self._mapping(value, path)
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and value in UNKNOWNS:
            return UNKNOWN
        if isinstance(value, float) and value.is_integer():
            return int(value)  # all numbers of the wire are doubles
        return value

    def _mapping(self, value: dict[str, Any], path: Steps) -> dict[str, Any]:
        found = {key: self.value(item, (*path, key)) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None}

    def _object(self, value: dict[str, Any], path: Steps) -> Any:
        signature = value[SIGNATURE]
        if signature == SECRET:
            self.secrets.add(path)
            return self.value(value.get("value"), path)
        if signature == rpc._special_output_value_sig:
            if value.get("secret"):
                self.secrets.add(path)
            return self.value(value["value"], path) if "value" in value else UNKNOWN
        if signature == rpc._special_resource_sig:
            return self.value(value.get("id") or value.get("urn"), path)
        if signature in ASSETS:
            return {ASSET: self._asset(value), "sha256": value.get("hash", "")}
        raise InputError(f"{path[0]} holds a value of a kind that the twin does not know ({signature}).")

    def _asset(self, value: dict[str, Any]) -> dict[str, Any]:
        kind = "Asset" if value[SIGNATURE] == rpc._special_asset_sig else "Archive"
        if value.get("uri"):
            raise InputError(f"{value['uri']} is not on this machine: take a File{kind}.")
        if value.get("assets"):
            return {"kind": "AssetArchive", "assets": {name: self._asset(one) for name, one in value["assets"].items()}}
        if value.get("path"):
            return {"kind": f"File{kind}", "path": str(self.folder / value["path"])}
        # The engine leaves the content out where only the hash counts.
        return {"kind": f"String{kind}" if value.get("text") is not None else "Elided", "text": value.get("text", "")}


def _written(value: Any, path: Steps, secrets: frozenset[Steps]) -> Any:
    if path in secrets:
        return {SIGNATURE: SECRET, "value": _written(value, path, secrets - {path})}
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        if ASSET in value:
            return {**_asset(value[ASSET]), "hash": value["sha256"]}
        return {key: _written(item, (*path, key), secrets) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_written(item, (*path, index), secrets) for index, item in enumerate(value)]
    return value


def _asset(description: Mapping[str, Any]) -> dict[str, Any]:
    asset, archive = ASSETS
    match description["kind"]:
        case "FileAsset":
            return {SIGNATURE: asset, "path": description["path"]}
        case "StringAsset":
            return {SIGNATURE: asset, "text": description["text"]}
        case "FileArchive":
            return {SIGNATURE: archive, "path": description["path"]}
        case "AssetArchive":
            return {SIGNATURE: archive, "assets": {name: _asset(one) for name, one in description["assets"].items()}}
    return {SIGNATURE: asset}
