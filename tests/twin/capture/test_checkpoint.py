"""Progress of a task on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.capture.checkpoint import Checkpoint, Progress
from twin.capture.errors import CaptureError

PROGRESS = Progress("cdc", "slot_1", "77", (("public", "outbox"), ("a.b", 'c"d')), (("public", "outbox"),))


def test_progress_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "new" / "folder")
    assert checkpoint.read() is None
    checkpoint.write(Progress("load", "slot_1", "77"))
    checkpoint.write(PROGRESS)
    assert Checkpoint(tmp_path / "new" / "folder").read() == PROGRESS
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.read() is None


def test_a_write_that_breaks_off_leaves_the_old_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.write(PROGRESS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", full)
    with pytest.raises(CaptureError, match="No space left"):
        checkpoint.write(Progress("load", "slot_1", "77"))
    assert checkpoint.read() == PROGRESS


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "phase": "cdc", "slot": "s", "system": "1"}'])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint.json").write_text(text)
    with pytest.raises(CaptureError, match="--reload"):
        Checkpoint(tmp_path).read()
