"""The record of what was made: one JSON file that other processes may read at any time."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twin.cloud.errors import CloudError
from twin.cloud.kind import Resource

FORMAT = 2


class State:
    """Resources by type, key and id, in the order in which they were made.

    An id alone need not be unique: two functions may each have a permission of the same name.

    Each change is on disk, whole, before the call returns. It holds secrets, so
    only its owner may read it. Safe for threads; one process writes at a time.

    Args:
        path: the file; read if it exists.

    Raises:
        CloudError: the file is not one of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._disk = threading.Lock()
        self._changes = 0
        self._written = 0
        self._resources: dict[tuple[str, str, str], Resource] = {}
        if path.exists():
            for resource in _read(path):
                self._resources[_place(resource)] = resource

    def put(self, resource: Resource) -> None:
        """Keep a resource, in place of an older record of it."""
        with self._lock:
            self._resources[_place(resource)] = resource
            change = self._changes = self._changes + 1
        self._write(change)

    def drop(self, resource: Resource) -> None:
        """Forget a resource; does nothing for an unknown one."""
        with self._lock:
            if self._resources.pop(_place(resource), None) is None:
                return
            change = self._changes = self._changes + 1
        self._write(change)

    def by_id(self, token: str, id_: str, key: str | None = None) -> Resource | None:
        """Look up a resource by type and id, and by key where it is known."""
        found = self.find(token, lambda resource: resource.id == id_ and key in (None, resource.key))
        return found[-1] if found else None

    def by_key(self, token: str, key: str) -> Resource | None:
        """Look up a resource by type and key; of several (a replacement under way) the newest."""
        found = self.find(token, lambda resource: resource.key == key)
        return found[-1] if found else None

    def find(self, token: str, wanted: Callable[[Resource], bool] = lambda _: True) -> list[Resource]:
        """List the resources of one type that fit."""
        return [resource for resource in self.all() if resource.typ == token and wanted(resource)]

    def all(self) -> list[Resource]:
        """List all resources, the first made first."""
        with self._lock:
            return list(self._resources.values())

    def _write(self, change: int) -> None:
        with self._disk:
            # Threads that came while another one wrote are served by one write of the next of them.
            if self._written >= change:
                return
            with self._lock:
                change, resources = self._changes, list(self._resources.values())
            document = {"format": FORMAT, "resources": [vars(resource) for resource in resources]}
            try:
                _replace(self.path, json.dumps(document))
            except OSError as error:
                raise CloudError(f"The twin's state {self.path} cannot be written: {error.strerror}.") from error
            self._written = change


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource.typ, resource.key, resource.id


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise


def _read(path: Path) -> list[Resource]:
    try:
        document: Any = json.loads(path.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise CloudError(
                f"{path} has format {document['format']}, this twin writes {FORMAT}: `make down`, start anew."
            )
        return [Resource(**entry) for entry in document["resources"]]
    except OSError as error:
        raise CloudError(f"The twin's state {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CloudError(f"{path} is not the state of a twin: delete {path.parent} and start anew.") from error
