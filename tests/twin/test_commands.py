"""The commands as a user runs them: `make demo`, `up`, `status`, `down`."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from tests.twin.waiting import until
from twin import demo as demonstration
from twin.cli import app
from twin.folder import TwinFolder
from twin.system import Twin

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "twin", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def working_in(folder: Path) -> list[psutil.Process]:
    """Processes whose command line names a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if any(str(folder) in word for word in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


class Up:
    """`python -m twin up` in a process of its own, as in another terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command("up", "--folder", str(folder)), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        folder = TwinFolder(self.folder)
        # A killed twin could not take its outputs away: they count only while a twin holds the folder.
        return folder.holder() == self.process.pid and folder.outputs() is not None


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started = Up(tmp_path / ".twin")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(60)
    until(lambda: not working_in(started.folder), what="everything ended")


def test_up_serves_until_down(up: Up) -> None:
    assert run("status", "--folder", str(up.folder)).returncode in (3, 4)
    until(up.serves, what="the twin serves")

    status = run("status", "--folder", str(up.folder), "--json")
    assert status.returncode == 0
    outputs = json.loads(status.stdout)
    assert {"api_url", "orders_url", "clients_url", "api_user", "api_password"} <= outputs.keys()
    assert outputs["api_url"].endswith("/prod")
    response = httpx.get(outputs["clients_url"] + "/77", auth=(outputs["api_user"], outputs["api_password"]))
    assert response.status_code == 404

    second = run("up", "--folder", str(up.folder))
    assert second.returncode == 1
    assert f"already running in {up.folder}" in second.stderr.replace("\n", "")
    assert "Traceback" not in second.stderr
    assert up.serves(), "a second twin leaves the first one's outputs alone"

    text = up.log.read_text()
    assert text.count("curl -u ") == 2
    assert outputs["orders_url"] in text
    assert "\x1b" not in text, "plain text in a pipe"

    # Nothing listens but on loopback.
    for process in working_in(up.folder):
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1"

    down = run("down", "--folder", str(up.folder))
    assert down.returncode == 0
    assert up.process.wait(30) == 0
    assert not up.folder.exists()
    assert not working_in(up.folder)
    assert run("down", "--folder", str(up.folder)).returncode == 0
    assert run("status", "--folder", str(up.folder)).returncode == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
def test_a_killed_twin_leaves_nothing_running_and_its_folder_can_be_used(up: Up) -> None:
    until(up.serves, what="the twin serves")
    up.process.kill()
    up.process.wait()
    until(lambda: not working_in(up.folder), what="everything ended")
    again = Up(up.folder)
    until(again.serves, what="the twin serves again")
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(60) == 0
    assert not up.folder.exists()


def test_interrupted_while_starting_it_stops_cleanly(up: Up) -> None:
    until(lambda: bool(working_in(up.folder / "data")), what="the first process")
    os.kill(up.process.pid, signal.SIGINT)
    assert up.process.wait(60) == 0, up.log.read_text()
    assert "Traceback" not in up.log.read_text()
    assert not up.folder.exists()


def test_demo_shows_every_hop_and_leaves_nothing(tmp_path: Path) -> None:
    result = subprocess.run(
        command("demo"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert '"total": 3000.0' in result.stdout
    for hop in ("log", "stream", "pipe", "topic", "queue", "projected", "readable", "201 until readable"):
        assert f" {hop} " in result.stdout
    assert "\x1b" not in result.stdout
    assert not list(tmp_path.iterdir())
    assert not working_in(tmp_path)


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = run("up", "--folder", str(blocked / ".twin"))
    assert result.returncode == 1
    assert "cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_demo_whose_order_goes_wrong_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(demonstration, "REFERENCE_TOTAL", 3000.01)
        result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "not 3000.01" in result.output
    assert "All of it held" not in result.output


def test_a_disk_that_fills_up_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere")

    monkeypatch.setattr(Twin, "up", full)
    result = CliRunner().invoke(app, ["up", "--folder", str(tmp_path / ".twin")])
    assert result.exit_code == 1
    assert "/somewhere: No space left on device. Free some space" in result.output.replace("\n", " ")
