"""What a schedule has to remember: when it began, and up to which of its times it is done.

<folder>/memory.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from twin.durable import write_durably


@dataclass(frozen=True)
class Memory:
    """When a schedule began, and the last of its times that is done (None: none yet)."""

    identity: str
    began: datetime
    done: datetime | None


class MemoryFile:
    """The memory of one schedule.

    Args:
        folder: made if absent; used by one schedule only.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "memory.json"

    def take(self, identity: str, now: datetime) -> Memory:
        """Give what is remembered; a schedule with another identity begins now."""
        try:
            known = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            known = {}
        if known.get("identity") == identity:
            done = known.get("done")
            return Memory(identity, datetime.fromisoformat(known["began"]), done and datetime.fromisoformat(done))
        memory = Memory(identity, now, None)
        self.save(memory)
        return memory

    def save(self, memory: Memory) -> None:
        """Keep it; when this returns, it survives a crash."""
        document = {
            "identity": memory.identity,
            "began": memory.began.isoformat(),
            "done": memory.done and memory.done.isoformat(),
        }
        write_durably(self._path, json.dumps(document).encode())
