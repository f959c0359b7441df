"""Checkpoints survive a crash whole, and belong to one stream."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.durable import write_durably
from twin.pipe.checkpoint import Checkpoints, Position

POSITIONS = st.builds(Position, st.none() | st.text(), st.none() | st.floats(0, 4e9), st.booleans())


@given(POSITIONS)
def test_a_position_is_read_as_it_was_saved(position: Position) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Checkpoints(Path(folder)).save("shard-1", position)
        assert Checkpoints(Path(folder)).load("shard-1") == position


def test_a_shard_without_a_checkpoint_has_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "new").load("shard-1") is None


def test_positions_of_the_same_stream_are_kept(tmp_path: Path) -> None:
    stream, dropped = Checkpoints(tmp_path).take("arn", 5.0)
    Checkpoints(tmp_path).save("shard-1", Position("9"))
    assert not dropped
    assert Checkpoints(tmp_path).take("arn", 5.0) == (stream, False)
    assert Checkpoints(tmp_path).load("shard-1") == Position("9")


@pytest.mark.parametrize(("arn", "created"), [("arn", 6.0), ("other", 5.0)])
def test_positions_of_another_stream_are_dropped(tmp_path: Path, arn: str, created: float) -> None:
    Checkpoints(tmp_path).take("arn", 5.0)
    Checkpoints(tmp_path).save("shard-1", Position("9"))
    stream, dropped = Checkpoints(tmp_path).take(arn, created)
    assert dropped
    assert stream.first_started == created
    assert Checkpoints(tmp_path).load("shard-1") is None


def test_a_write_that_was_cut_off_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")

    def crash(descriptor: int) -> None:
        raise OSError("crashed before the content was on the disk")

    monkeypatch.setattr(os, "fdatasync", crash)
    with pytest.raises(OSError, match="crashed"):
        write_durably(path, b"new content")
    assert path.read_bytes() == b"old"


def test_the_content_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def noted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            done.append(name)
            return original(*arguments)

        return call

    monkeypatch.setattr(os, "fdatasync", noted("content", os.fdatasync))
    monkeypatch.setattr(Path, "replace", noted("name", Path.replace))
    monkeypatch.setattr(os, "fsync", noted("folder", os.fsync))
    write_durably(tmp_path / "file", b"x")
    assert done == ["content", "name", "folder"]
