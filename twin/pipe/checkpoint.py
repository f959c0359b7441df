"""How far each shard has been delivered, kept durably.

<folder>/stream.json         which stream it is about (ARN, time of creation) and when the pipe first started
<folder>/<shard id>.json     the last record whose delivery, or burial in the dead letter queue, was accepted
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twin.durable import write_durably


@dataclass(frozen=True)
class Position:
    """Where a shard is: after a record (None: nothing delivered yet), or at its end."""

    sequence_number: str | None
    arrival: float | None = None  # of that record, unix seconds
    ended: bool = False


@dataclass(frozen=True)
class Stream:
    """Identity of the stream that positions belong to."""

    arn: str
    created: float  # unix seconds
    first_started: float  # when the pipe first read this stream, unix seconds


class Checkpoints:
    """The positions of one pipe.

    Args:
        folder: made if absent; used by one pipe only.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def take(self, arn: str, created: float) -> tuple[Stream, bool]:
        """Bind the positions to a stream; those of another stream, or of an earlier one of that name, are dropped.

        Returns:
            The stream, and whether positions were dropped.
        """
        path = self._folder / "stream.json"
        known = self._read(path)
        if known is not None and (known.get("arn"), known.get("created")) == (arn, created):
            return Stream(arn, created, float(known["first_started"])), False
        for file in self._folder.glob("*.json"):
            file.unlink()
        # A stream that took the place of another is read from its beginning, wherever the pipe starts.
        stream = Stream(arn, created, time.time() if known is None else created)
        write_durably(path, json.dumps(asdict(stream)).encode())
        return stream, known is not None

    def load(self, shard: str) -> Position | None:
        """Give the position of a shard; None if nothing was ever delivered from it."""
        found = self._read(self._folder / f"{shard}.json")
        return None if found is None else Position(found["sequence_number"], found["arrival"], found["ended"])

    def save(self, shard: str, position: Position) -> None:
        """Keep the position of a shard; when this returns, it survives a crash."""
        write_durably(self._folder / f"{shard}.json", json.dumps(asdict(position)).encode())

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        return document
