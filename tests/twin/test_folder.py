"""One twin holds a folder at a time; what a killed one left is cleared away; outputs exist only while it serves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from twin.errors import FolderError
from twin.folder import NEEDED_BYTES, TwinFolder


def test_a_second_twin_is_told_where_the_first_runs(tmp_path: Path) -> None:
    first, second = TwinFolder(tmp_path / ".twin"), TwinFolder(tmp_path / ".twin")
    first.acquire()
    with pytest.raises(FolderError, match=r"already running in .*\.twin"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_who_does_not_hold_the_folder_withdraws_nothing(tmp_path: Path) -> None:
    first, second = TwinFolder(tmp_path / ".twin"), TwinFolder(tmp_path / ".twin")
    first.acquire()
    first.write_outputs({"a": 1})
    second.withdraw_outputs()
    second.release()
    assert first.outputs() == {"a": 1}
    first.withdraw_outputs()
    assert first.outputs() is None
    first.release()


def test_holder_names_the_process_only_while_it_holds(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / ".twin")
    assert folder.holder() is None
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from twin.folder import TwinFolder;"
        "folder = TwinFolder(Path(sys.argv[1])); folder.acquire(); print('held', flush=True); input()"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / ".twin"), str(Path(__file__).parents[2])]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert folder.holder() == other.pid
        other.kill()
    assert folder.holder() is None


def test_release_leaves_nothing(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / ".twin")
    folder.acquire()
    folder.write_outputs({"api_url": "http://127.0.0.1:1/prod"})
    (folder.data / "something").mkdir()
    folder.release()
    assert not (tmp_path / ".twin").exists()


def test_outputs_are_private_and_whole(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / ".twin")
    folder.acquire()
    assert folder.outputs() is None
    folder.write_outputs({"api_password": "s"})
    assert folder.outputs() == {"api_password": "s"}
    assert folder.outputs_file.stat().st_mode & 0o077 == 0
    folder.release()


def test_what_a_killed_twin_left_running_is_ended(tmp_path: Path) -> None:
    path = tmp_path / ".twin"
    folder = TwinFolder(path)
    folder.acquire()
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(path)])
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        folder.note_processes({"ours": ours.pid, "foreign": foreign.pid})
        folder.write_outputs({"stale": True})
        assert folder._lock is not None
        folder._lock.close()  # as when the process that held it was killed
        again = TwinFolder(path)
        again.acquire()
        assert not psutil.pid_exists(ours.pid)
        assert foreign.poll() is None
        assert again.outputs() is None
        again.release()
    finally:
        for process in (ours, foreign):
            process.kill()
            process.wait()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot be used"):
        TwinFolder(tmp_path / "file" / ".twin").acquire()


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=NEEDED_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    folder = TwinFolder(tmp_path / ".twin")
    with pytest.raises(FolderError, match="Free some space"):
        folder.acquire()
    assert not (tmp_path / ".twin").exists()


def test_outputs_are_json_that_others_can_read(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / ".twin")
    folder.acquire()
    folder.write_outputs({"b": 1, "a": "x"})
    assert json.loads(folder.outputs_file.read_text()) == {"a": "x", "b": 1}
    folder.release()
