"""How far a task has come, kept on disk so that it survives a kill at any moment.

The position in the log is not here: the slot itself holds it, in the same files as the log that it
is a position in, so the two never disagree. Kept is what the slot cannot tell: whether the full load
is done, and for which tables. A task that dies before that starts its full load anew from a new
slot, as DMS does; rows may then be sent twice, none is missed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from twin.capture.errors import CaptureError
from twin.durable import write_durably

VERSION = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """State of a task.

    `phase` is `slot` before the slot of a cdc task is sure to exist, `load` until the full load is
    complete, then `cdc`. `system` identifies the database server, `tables` are those captured,
    `suspended` those that an error policy took out.
    """

    phase: Literal["slot", "load", "cdc"]
    slot: str
    system: str
    tables: tuple[tuple[str, str], ...] = ()
    suspended: tuple[tuple[str, str], ...] = ()


class Checkpoint:
    """The file of a task's progress in the task's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "checkpoint.json"

    def read(self) -> Progress | None:
        """Give the last progress written, None if there is none.

        Raises:
            CaptureError: the file cannot be read or is not a checkpoint.
        """
        try:
            document = json.loads(self._path.read_text("utf-8"))
            version = document.pop("version")
            document["tables"] = tuple((schema, table) for schema, table in document["tables"])
            document["suspended"] = tuple((schema, table) for schema, table in document["suspended"])
            progress = Progress(**document)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CaptureError(
                f"The checkpoint {self._path} cannot be read ({error}). Start with --reload to load the target anew."
            ) from error
        if version != VERSION:
            raise CaptureError(f"The checkpoint {self._path} is of version {version}. Start with --reload.")
        return progress

    def write(self, progress: Progress) -> None:
        """Replace the progress: after this returns it survives a crash of the machine.

        Raises:
            CaptureError: the folder cannot be written to.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, json.dumps({"version": VERSION, **asdict(progress)}).encode())
        except OSError as error:
            raise CaptureError(f"Cannot write the checkpoint {self._path}: {error.strerror or error}.") from error

    def remove(self) -> None:
        """Forget the progress; does nothing if there is none."""
        self._path.unlink(missing_ok=True)
