"""The keeper: started by the first plugin, ended when nothing is left, followed by another when it is killed."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from tests.twin.plugin.engines import Caller, Engine, plugin
from tests.twin.plugin.shops import PROGRAM
from tests.twin.waiting import until
from twin.cloud.settings import ProviderSettings
from twin.errors import FolderError
from twin.folder import TwinFolder
from twin.plugin import command
from twin.plugin.errors import KeeperError
from twin.plugin.keeper import stack_of
from twin.plugin.place import Places
from twin.plugin.project import write_project
from twin.plugin.server import TWIN
from twin.plugin.wire import QUICK, SOCKET, dial, fingerprint, listen

CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
GROUP = {"replicationGroupId": "cache", "description": "d", "engine": "valkey"}
ABOUT = {"urn": f"urn:pulumi:local::shop::{CACHE}::n", "type": CACHE, "name": "n"}


class Twin:
    """A folder, and plugins on it as the engine would start them."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = TwinFolder(folder)
        self.engine = engine
        self.project = write_project(PROGRAM, "local", folder)

    @contextmanager
    def aws(self) -> Iterator[Caller]:
        """One run's provider of the package aws."""
        with plugin(self.project / "plugins" / "aws" / "pulumi-resource-aws", self.engine, PROGRAM) as caller:
            caller.call("Handshake", {"engineAddress": self.engine.address})
            caller.call("Configure", {"args": {"region": "eu-west-1"}})
            yield caller

    def make(self) -> dict[str, Any]:
        """Make a cache: a server that needs no emulator."""
        with self.aws() as caller:
            return caller.call("Create", {**ABOUT, "properties": GROUP})

    def holder(self) -> int:
        found = self.folder.holder()
        assert found is not None
        return found


@pytest.fixture
def twin(tmp_path: Path, engine: Engine) -> Iterator[Twin]:
    made = Twin(tmp_path / "twin", engine)
    yield made
    command.stop(made.folder, keep=False)
    assert not (tmp_path / "twin").exists()


def test_a_twin_without_resources_ends_with_the_run(twin: Twin) -> None:
    with twin.aws() as caller:
        holder = twin.holder()
        assert (
            caller.call("Invoke", {"tok": "aws:index/getPartition:getPartition", "args": {}})["return"]["id"] == "aws"
        )
        status = command.ask(twin.folder.path, {"do": "status"})
        assert status is not None
        assert (status["resources"], status["processes"]) == (0, {}), "nothing is started for that"
    until(lambda: not psutil.pid_exists(holder), what="the keeper's end")
    assert {path.name for path in twin.folder.path.iterdir()} == {"pulumi"}


def test_what_was_made_stays_between_runs_and_after_a_kill(twin: Twin) -> None:
    made = twin.make()
    first = twin.holder()
    (server,) = [one for one in psutil.Process(first).children() if "valkey" in one.name()]
    with twin.aws() as caller:
        assert caller.call("Read", {**ABOUT, "id": made["id"]})["id"] == "cache"
        assert (twin.holder(), server.is_running()) == (first, True)
    os.kill(first, signal.SIGKILL)
    until(lambda: not server.is_running(), what="the server's end")
    assert twin.folder.kept
    with twin.aws() as caller:
        found = caller.call("Read", {**ABOUT, "id": made["id"]})
        assert found["properties"]["port"] == made["properties"]["port"]
        assert twin.holder() != first
        caller.call("Delete", {**ABOUT, "id": made["id"], "properties": found["properties"]})
    until(lambda: twin.folder.holder() is None, what="the keeper's end")


def test_stopped_on_purpose_it_keeps_what_there_is(twin: Twin) -> None:
    twin.make()
    holder = twin.holder()
    command.stop(twin.folder, keep=True)
    assert not psutil.pid_exists(holder)
    assert twin.folder.kept
    with pytest.raises(FolderError, match="`make local` brings it up again"):
        TwinFolder(twin.folder.path).acquire()
    assert twin.folder.kept, "who was refused changed nothing"
    with twin.aws() as caller:
        assert caller.call("Read", {**ABOUT, "id": "cache"})["id"] == "cache"


def test_a_machine_that_goes_down_keeps_what_there_is(twin: Twin) -> None:
    twin.make()
    holder = twin.holder()
    os.kill(holder, signal.SIGTERM)
    until(lambda: not psutil.pid_exists(holder), what="the keeper's end")
    assert twin.folder.kept


def test_changed_code_of_the_twin_is_taken_up_between_runs(twin: Twin) -> None:
    twin.make()
    first = twin.holder()
    until(lambda: (command.ask(twin.folder.path, {"do": "status"}) or {}).get("providers") == 0, what="the run's end")
    line = dial(twin.folder.path)
    try:
        line.send({"do": "open", "package": "aws", "cwd": "/", "code": "another"})
        assert line.receive() is None, "the old code serves no more"
    finally:
        line.close()
    until(lambda: not psutil.pid_exists(first), what="the old keeper's end")
    with twin.aws() as caller:
        assert caller.call("Read", {**ABOUT, "id": "cache"})["id"] == "cache"


def test_a_folder_that_is_deleted_ends_its_keeper(twin: Twin) -> None:
    twin.make()
    holder = twin.holder()
    (twin.folder.path / "lock").unlink()
    until(lambda: not psutil.pid_exists(holder), what="the keeper's end")


def test_why_there_is_no_twin_is_told_in_the_engines_words(twin: Twin, engine: Engine) -> None:
    other = TwinFolder(twin.folder.path)
    other.acquire()
    try:
        executable = twin.project / "plugins" / "aws" / "pulumi-resource-aws"
        with plugin(executable, engine, PROGRAM) as caller, pytest.raises(grpc.RpcError) as caught:
            caller.call("CheckConfig", {"urn": "u", "news": {"region": "eu-west-1"}})
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert f"A twin is already running in {twin.folder.path} (process {os.getpid()})" in caught.value.details()
    finally:
        other.release()


def test_plugins_end_with_the_run_though_its_starter_ignores_interrupts(
    twin: Twin, engine: Engine, tmp_path: Path
) -> None:
    """As what a shell starts in the background does; both the one that serves and the one that says why not."""
    script = tmp_path / "ignoring"
    executable = twin.project / "plugins" / "aws" / "pulumi-resource-aws"
    script.write_text(f"#!/bin/sh\ntrap '' INT\nexec {shlex.quote(str(executable))} \"$@\"\n")
    script.chmod(0o700)
    with plugin(script, engine, PROGRAM):
        holder = twin.holder()
    until(lambda: not psutil.pid_exists(holder), what="the keeper's end")
    other = TwinFolder(twin.folder.path)
    other.acquire()
    try:
        with plugin(script, engine, PROGRAM):
            pass
    finally:
        other.release()


def test_a_server_that_does_not_come_back_is_told_with_its_log(twin: Twin, engine: Engine) -> None:
    made = twin.make()
    command.stop(twin.folder, keep=True)
    with socket.create_server(("127.0.0.1", int(made["properties"]["port"]))), twin.aws() as caller:
        until(lambda: bool(engine.logs), what="the warning")
        assert f"{CACHE} 'n': valkey-cache ended with exit code" in engine.logs[0].message
        assert "pulumi refresh" in engine.logs[0].message
        assert caller.call("Read", {**ABOUT, "id": "cache"}) == {}
    # Its port is free again: the next run finds it as it was.
    command.stop(twin.folder, keep=True)
    with twin.aws() as caller:
        assert caller.call("Read", {**ABOUT, "id": "cache"})["id"] == "cache"


def test_a_place_is_chosen_by_the_first_provider_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "place.json"
    places = Places(path)
    first = ProviderSettings(region="eu-west-1", allowed_accounts=("123456789012",))
    assert places.place_for(first) == ("eu-west-1", "123456789012")
    assert places.place_for(ProviderSettings())[0] == "us-east-1"
    places.settle(first)
    ports = places.ports()
    again = Places(path)
    assert (again.place.region, again.place.account, again.ports()) == ("eu-west-1", "123456789012", ports)
    assert again.settle(ProviderSettings()).region == "eu-west-1"
    with pytest.raises(KeeperError, match="stands in for eu-west-1"):
        again.settle(ProviderSettings(region="us-west-2"))
    path.write_text("[]")
    with pytest.raises(KeeperError, match="make down"):
        Places(path)


def test_only_the_owner_may_talk_to_a_keeper_however_deep_its_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    listener = listen(deep)
    try:
        assert stat.S_IMODE((deep / SOCKET).stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
        line = dial(deep)
        connection, _ = listener.accept()
        line.send({"a": 1})
        assert connection.recv(100) == b'{"a": 1}\n'
        connection.close()
        assert line.receive() is None
        line.close()
    finally:
        listener.close()
    with pytest.raises(ConnectionRefusedError):
        dial(deep)
    with pytest.raises(FileNotFoundError):
        dial(tmp_path)


def test_the_code_has_another_fingerprint_when_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    os.utime(tmp_path / "a.py", ns=(1, 1))
    changed = fingerprint(tmp_path)
    (tmp_path / "b.py").write_text("")
    assert len({before, changed, fingerprint(tmp_path)}) == 3
    assert fingerprint(TWIN).partition("-")[0].isdigit()


def test_a_stack_is_named_as_pulumi_names_it() -> None:
    assert stack_of("urn:pulumi:local::orders::a:b:C$aws:sqs/queue:Queue::q") == "orders/local"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files")
def test_the_keeper_holds_nothing_of_the_engines(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the engine would wait for the end of an output that never ends."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((QUICK, "/elsewhere")))
    twin.make()
    environment = Path(f"/proc/{twin.holder()}/environ").read_bytes().split(b"\0")
    assert b"PYTHONPATH=/elsewhere" in environment, "it stays, and looks for its garbage"
    own = [str(Path(f"/proc/{twin.holder()}/fd/{number}").readlink()) for number in range(3)]
    assert own[:2] == ["/dev/null", "/dev/null"]
    assert own[2].endswith("keeper.log")
    assert os.getsid(twin.holder()) == twin.holder(), "a session of its own: Ctrl-C in the terminal is not for it"
