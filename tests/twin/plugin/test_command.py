"""`make local`: what is asked of the Pulumi CLI, and what is said when it is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.twin.plugin.shops import PROGRAM
from twin.cli import app
from twin.folder import TwinFolder
from twin.local import ROOT
from twin.plugin import command
from twin.plugin.errors import CommandError
from twin.plugin.server import TWIN, KeeperServer
from twin.plugin.wire import QUICK, dial, fingerprint

# Stands in for the CLI: writes down what it was asked, and answers as told.
FAKE = """#!{python}
import json, os, pathlib, sys
log = pathlib.Path({log!r})
names = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_SKIP_UPDATE_CHECK", "PYTHONPATH")
entry = {{"argv": sys.argv[1:], "env": {{name: os.environ.get(name) for name in names}}}}
log.write_text((log.read_text() if log.exists() else "") + json.dumps(entry) + "\\n")
if sys.argv[1:3] == ["stack", "init"]:
    state = pathlib.Path(sys.argv[sys.argv.index("--cwd") + 1]) / "state/.pulumi/stacks/shop"
    state.mkdir(parents=True, exist_ok=True)
    (state / (sys.argv[3] + ".json")).write_text("{{}}")
if sys.argv[1:3] == ["stack", "output"]:
    print(json.dumps({{"url": "u"}}))
sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
"""


class Fake:
    """A CLI that only writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "asked.jsonl"
        executable = folder / "bin" / "pulumi"
        executable.parent.mkdir()
        executable.write_text(FAKE.format(python=sys.executable, log=str(self._log)))
        executable.chmod(0o700)

    def asked(self) -> list[list[str]]:
        return [entry["argv"] for entry in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[TwinFolder]:
    made = TwinFolder(tmp_path / "twin")
    yield made
    command.stop(made, keep=False)


def run(folder: TwinFolder, *arguments: str) -> int:
    return command.run(arguments, folder=folder, program=PROGRAM, stack="local")


def test_the_stack_is_made_once_and_changed_without_questions(fake: Fake, folder: TwinFolder) -> None:
    project = str(folder.path / "pulumi")
    assert run(folder, "preview", "--diff") == 0
    assert run(folder, "preview") == 0
    where = ["--cwd", project, "--stack", "local"]
    assert fake.asked() == [
        ["stack", "init", "local", "--cwd", project, "--non-interactive"],
        ["preview", "--diff", *where],
        ["preview", *where],
    ]
    assert all(
        entry["env"] == {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_SKIP_UPDATE_CHECK": "true", "PYTHONPATH": QUICK}
        for entry in fake.entries()
    )


@pytest.mark.parametrize("own", [True, False], ids=["with one of its own", "without"])
def test_programs_are_run_without_looking_for_garbage(tmp_path: Path, own: bool) -> None:
    if own:
        (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.own = True\n")
    code = "import builtins, gc, sys; print(gc.isenabled(), hasattr(builtins, 'own'), sys.path[1:2])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((QUICK, str(tmp_path)))}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout == f"False {own} {[str(tmp_path)]}\n", "the environment's own customisation has its turn"
    assert shown.stderr == ""


def test_messages_for_debugging_are_sent_where_they_are_asked_for(fake: Fake, folder: TwinFolder) -> None:
    run(folder, "preview")
    run(folder, "preview", "--debug")
    assert [entry["env"]["PYTHONPATH"] for entry in fake.entries()][1:] == [QUICK, ""]


@pytest.mark.parametrize("name", ["pulumi-language-python-exec", "another-program"])
def test_only_a_program_of_the_engine_s_is_kept_from_sending_them(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.write_text("import pulumi.log\nprint(pulumi.log.debug.__name__)\n")
    environment = {**os.environ, "PYTHONPATH": QUICK}
    shown = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=True)
    assert (shown.stdout.strip() != "debug") == (name == "pulumi-language-python-exec")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (["up"], ["up", "--yes", "--skip-preview"]),
        (["up", "--target", "x"], ["up", "--target", "x", "--yes", "--skip-preview"]),
        (["up", "--yes", "-f"], ["up", "--yes", "-f"]),
        (["refresh", "--preview-only"], ["refresh", "--preview-only"]),
        (["stack", "ls"], ["stack", "ls"]),
        (["import", "t", "n", "i"], ["import", "t", "n", "i", "--yes"]),
    ],
)
def test_what_changes_the_stack_needs_no_assent(
    fake: Fake, folder: TwinFolder, asked: list[str], given: list[str]
) -> None:
    run(folder, *asked)
    assert fake.asked()[1][: len(given)] == given
    assert fake.asked()[1][len(given)] == "--cwd"


def test_the_cli_s_own_exit_code_is_handed_on(fake: Fake, folder: TwinFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder, "preview")
    monkeypatch.setenv("FAKE_EXIT", "3")
    assert run(folder, "preview") == 3


def test_a_passphrase_of_the_users_own_is_used(fake: Fake, folder: TwinFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    run(folder, "preview")
    assert {entry["env"]["PULUMI_CONFIG_PASSPHRASE"] for entry in fake.entries()} == {"own"}


def test_an_empty_stack_leaves_no_folder(fake: Fake, folder: TwinFolder) -> None:
    assert run(folder, "destroy") == 0
    assert not folder.path.exists()


def test_outputs_are_published_where_other_commands_look(
    fake: Fake, folder: TwinFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[dict[str, Any]] = []

    def ask(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["do"] == "publish":
            published.append(asked["outputs"])
        return {"resources": 3}

    with monkeypatch.context() as kept:
        kept.setattr(command, "ask", ask)
        assert run(folder, "up") == 0
        assert run(folder, "preview") == 0
    assert published == [{"url": "u"}]


def test_without_the_cli_it_is_said_what_to_install(
    folder: TwinFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"Install the Pulumi CLI \(https://www\.pulumi\.com/docs/install/"):
        run(folder, "up")
    assert not folder.path.exists()


def test_the_command_says_it_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twin.local", "--folder", str(tmp_path / "twin")],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no `pulumi` command on the PATH.")
    assert "Traceback" not in done.stderr


def test_a_twin_of_make_up_is_not_disturbed(fake: Fake, folder: TwinFolder) -> None:
    other = TwinFolder(folder.path)
    other.acquire()
    try:
        with pytest.raises(CommandError, match=rf"`make up` started \(process {os.getpid()}\).*`make down` first"):
            run(folder, "up")
    finally:
        other.release()


def test_status_and_down_tell_about_a_kept_stack(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / "twin")

    def twin(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "twin", *arguments, "--folder", str(folder.path)]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    folder.acquire(keeper=True)
    folder.release(keep=True)
    assert folder.kept
    stopped = twin("status")
    assert stopped.returncode == 3
    assert "`make local` brings it up again" in " ".join(stopped.stdout.split())
    down = twin("down")
    assert (down.returncode, folder.path.exists()) == (0, False)
    assert "is gone, with its data" in " ".join(down.stdout.split())


def test_a_running_keeper_is_told_about_with_what_it_keeps(tmp_path: Path) -> None:
    folder = TwinFolder(tmp_path / "twin")
    folder.acquire(keeper=True)
    server = KeeperServer(folder)
    thread = threading.Thread(target=server.serve)
    thread.start()
    line = dial(folder.path)
    try:
        line.send({"do": "open", "package": "aws", "cwd": "/", "code": fingerprint(TWIN)})
        assert "port" in (line.receive() or {})
        command.ask(folder.path, {"do": "publish", "outputs": {"url": "u"}})
        assert folder.outputs() == {"url": "u"}, "no way to an AWS that was not started"
        result = CliRunner().invoke(app, ["status", "--folder", str(folder.path)])
        assert result.exit_code == 0, result.output
        assert f"(process {os.getpid()}) keeps 0 resources of no stack with 0 processes" in result.output
        assert "url" in result.output
    finally:
        line.close()
        server.stop(keep=False)
        thread.join()
    assert not folder.path.exists()
