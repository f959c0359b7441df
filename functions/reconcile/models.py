"""What reconciling needs of the two models. They are in write_model.py and cached.py, and in memory for tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from functions.reconcile.kept import Found, Kept


class WriteModel(Protocol):
    """The clients as they are. All raise DatabaseError or DatabaseUnavailable."""

    def page(self, after: int, limit: int) -> list[Kept]:
        """Up to `limit` clients with ids above `after`, in the order of their ids; fewer are the last ones."""
        ...

    def some(self, ids: Collection[int]) -> dict[int, Kept]:
        """The clients with these ids, by id; who does not exist is left out."""
        ...

    def known(self, ids: Collection[int]) -> set[int]:
        """Those of these ids that are a client's."""
        ...

    def last(self) -> int:
        """The greatest id of a client, 0 if there is none."""
        ...

    def young(self, ids: Collection[int], seconds: int) -> dict[int, int]:
        """Of the clients with an event younger than this: the least version of such an event, by client."""
        ...


class ReadModel(Protocol):
    """The clients as callers see them, and the positions of walks. All raise CacheUnavailable."""

    def read(self, ids: Collection[int]) -> dict[int, Found]:
        """What is held of these clients, each as it was at one moment."""
        ...

    def replace(self, clients: Sequence[Kept], although: Mapping[int, str] | None = None) -> list[bool]:
        """Make these clients what is given, each unless it is newer by now; tells for each whether it was written.

        `although` has versions that are replaced though they look newer, by client: those that were found to be wrong.
        """
        ...

    def remove(self, seen: Mapping[int, str]) -> int:
        """Remove the clients whose version is still the one seen; gives how many were."""
        ...

    def scan(self, cursor: str) -> tuple[str, set[int]]:
        """Ids of some clients that are held, and where to go on ("0": all were seen). Begins at "0"."""
        ...

    def position(self, walk: str) -> str | None:
        """Where a walk is; None if none is under way."""
        ...

    def keep_position(self, walk: str, position: str | None) -> None:
        """Note where a walk is; None ends it."""
        ...

    def advance(self, walk: str, was: str, position: str | None) -> bool:
        """Move a walk's position on, None to end it, if it is still where it was; tells whether it was."""
        ...
