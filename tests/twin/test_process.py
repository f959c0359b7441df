"""A process becomes ready or says why not; the supervisor brings the dead back and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.twin.waiting import until
from twin.errors import ProcessError
from twin.process import Process
from twin.supervisor import Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


SLEEPER = python("import time; time.sleep(600)")


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop()


def test_start_waits_until_ready(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    code = f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(600)"
    process = Process("p", python(code), log=tmp_path / "log", ready=flag.exists)
    process.start()
    assert flag.exists()
    process.stop()
    assert not process.running


def test_end_before_ready_shows_the_log(tmp_path: Path) -> None:
    process = Process(
        "p", python("import sys; sys.exit('the disk is on fire')"), log=tmp_path / "log", ready=lambda: False
    )
    with pytest.raises(ProcessError, match="the disk is on fire"):
        process.start()
    assert not process.wanted


def test_not_ready_in_time_is_stopped(tmp_path: Path) -> None:
    process = Process("p", SLEEPER, log=tmp_path / "log", ready=lambda: False, ready_timeout_s=0.2)
    with pytest.raises(ProcessError, match="not ready"):
        process.start()
    assert not process.running


def test_missing_program_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"Cannot start p .*No such file"):
        Process("p", ["/does/not/exist"], log=tmp_path / "log").start()


def test_lines_of_standard_output_are_handed_on(tmp_path: Path) -> None:
    lines: list[str] = []
    process = Process("p", python("print('one'); print('two')"), log=tmp_path / "log", on_line=lines.append)
    process.start()
    until(lambda: lines == ["one", "two"])
    process.stop()


def test_stop_takes_the_children_along(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    code = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(pids)!r}).write_text(str(child.pid))
        time.sleep(600)
    """
    process = Process("p", python(code), log=tmp_path / "log", ready=lambda: pids.exists() and bool(pids.read_text()))
    process.start()
    child = int(pids.read_text())
    process.stop()
    until(lambda: not _alive(child))


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    code = f"""
        import pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(flag)!r}).touch()
        time.sleep(600)
    """
    process = Process("p", python(code), log=tmp_path / "log", ready=flag.exists)
    process.start()
    process.stop(grace_s=0.2)
    assert not process.running


def test_the_supervisor_restarts_what_was_killed(tmp_path: Path) -> None:
    deaths: list[tuple[str, int]] = []
    supervisor = Supervisor(on_restart=lambda name, code: deaths.append((name, code)))
    process = Process("p", SLEEPER, log=tmp_path / "log")
    supervisor.add(process)
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: process.pid not in (None, first))
    assert deaths == [("p", -signal.SIGKILL)]
    supervisor.stop()
    assert not process.running


def test_a_process_that_gives_up_stays_down(tmp_path: Path) -> None:
    ends: list[tuple[str, int]] = []
    supervisor = Supervisor(on_end=lambda process, code: ends.append((process.name, code)))
    process = Process("p", python("import sys; sys.exit(4)"), log=tmp_path / "log", final_codes=[4])
    supervisor.add(process)
    until(lambda: ends == [("p", 4)])
    assert not process.running
    supervisor.stop()


def test_it_is_wanted_only_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Wanted and not running is what the supervisor takes for a death.
    process = Process("p", SLEEPER, log=tmp_path / "log")
    spawn, wanted = process._spawn, []

    def spawn_and_look() -> None:
        wanted.append(process.wanted)
        spawn()

    monkeypatch.setattr(process, "_spawn", spawn_and_look)
    process.start()
    process.stop()
    process.start()
    assert wanted == [False, False]
    assert process.wanted
    process.stop()


def test_what_was_stopped_stays_down_until_started_and_is_watched_again(tmp_path: Path) -> None:
    restarts: list[str] = []
    supervisor = Supervisor(on_restart=lambda name, _: restarts.append(name))
    process, other = Process("p", SLEEPER, log=tmp_path / "log"), Process("q", SLEEPER, log=tmp_path / "log")
    supervisor.add(process)
    supervisor.add(other)
    process.stop()
    for _ in range(3):  # each time the other one is back, the watch had its chance to revive the stopped one
        pid = other.pid
        other.kill()
        until(lambda pid=pid: other.pid not in (None, pid))  # type: ignore[misc]
        assert not process.running
    process.start()
    pid = process.pid
    process.kill()
    until(lambda: process.pid not in (None, pid))
    assert restarts == ["q", "q", "q", "p"]
    supervisor.stop()


def test_a_restart_that_fails_is_tried_again(tmp_path: Path, supervisor: Supervisor) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    code = f"import pathlib, sys, time; pathlib.Path({str(flag)!r}).exists() or sys.exit(1); time.sleep(600)"
    process = Process("p", python(code), log=tmp_path / "log", ready=flag.exists)
    supervisor.add(process)
    flag.unlink()
    pid = process.pid
    process.kill()
    until(lambda: "restart failed" in process.log.read_text())
    flag.touch()
    until(lambda: process.running and process.pid != pid)


def test_a_removed_process_stays_down(tmp_path: Path, supervisor: Supervisor) -> None:
    process = Process("p", SLEEPER, log=tmp_path / "log")
    supervisor.add(process)
    supervisor.remove("p")
    other = Process("q", SLEEPER, log=tmp_path / "log")
    supervisor.add(other)
    first = other.pid
    other.kill()
    # When the other one is back, the watch had its chance to revive the removed one too.
    until(lambda: other.pid not in (None, first))
    assert not process.running


def test_a_stopping_supervisor_takes_nothing_new(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.stop()
    with pytest.raises(ProcessError, match="stopping"):
        supervisor.add(Process("p", SLEEPER, log=tmp_path / "log"))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    code = f"""
        import pathlib, sys, threading, time
        from twin.process import Process
        argv = [sys.executable, "-c", "import time; time.sleep(600)"]
        process = Process("p", argv, log=pathlib.Path({str(tmp_path / "log")!r}))
        thread = threading.Thread(target=process.start)
        thread.start()
        thread.join()
        pathlib.Path({str(pids)!r}).write_text(str(process.pid))
        time.sleep(600)
    """
    with subprocess.Popen(python(code), cwd=Path(__file__).parents[2]) as parent:
        until(lambda: pids.exists() and bool(pids.read_text()))
        child = int(pids.read_text())
        # Born on a thread that has ended by now: that alone must not end it.
        assert _alive(child)
        parent.kill()
    until(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
