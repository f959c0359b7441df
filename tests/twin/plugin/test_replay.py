"""The calls that Pulumi's real engine made for the second program, made again in their order (`record.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.twin.plugin.engines import Caller, Engine, plugin
from tests.twin.plugin.kept import REGION
from tests.twin.plugin.record import RECORDED, RUNTIME
from tests.twin.plugin.shops import PROGRAM
from tests.twin.waiting import until
from twin.aws_clients import isolated_session
from twin.cloud.functions import HOST_RUNTIME
from twin.folder import TwinFolder
from twin.plugin import command
from twin.plugin.project import PACKAGES, write_project

CALLS = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
# What a provider answers here must be what it answered then, but for what the machine drew or chose.
EXACT = frozenset({"Check", "CheckConfig", "Diff", "DiffConfig", "Configure", "Handshake"})
SHORTEST = 6


class Run:
    """Plays calls, and learns which value of the recording stands for which value of now."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.now: dict[str, str] = {"/program": str(PROGRAM), "/folder": str(folder.parent), RUNTIME: HOST_RUNTIME}

    def aws(self, service: str) -> Any:
        """A client with what operators find in outputs.json; DMS is answered by the keeper itself."""
        command.ask(self.folder, {"do": "publish", "outputs": {}})
        found = TwinFolder(self.folder).outputs()
        assert found is not None
        access = {name.removeprefix("aws_"): value for name, value in found.items()}
        session = isolated_session({"region": REGION, "session_token": None, **access})
        return session.client(service, endpoint_url=access["endpoint_url"])

    def request(self, value: Any) -> Any:
        """Put today's values into a recorded request."""
        text = json.dumps(value)
        for then in sorted(self.now, key=len, reverse=True):
            text = text.replace(json.dumps(then)[1:-1], json.dumps(self.now[then])[1:-1])
        return json.loads(text)

    def learn(self, then: Any, now: Any) -> None:
        """Note where two answers differ."""
        if isinstance(then, dict) and isinstance(now, dict):
            for key in then.keys() & now.keys():
                self.learn(then[key], now[key])
        elif isinstance(then, list) and isinstance(now, list):
            for one, other in zip(then, now, strict=False):
                self.learn(one, other)
        elif isinstance(then, str) and isinstance(now, str) and then != now and len(then) >= SHORTEST:
            self.now.setdefault(then, now)

    def play(self, callers: dict[str, Caller], call: dict[str, Any]) -> None:
        """Make one call, and compare the answer."""
        method, request = call["method"], self.request(call["request"])
        if method == "Handshake":
            request["engineAddress"] = self.engine.address
        answer = callers[call["package"]].call(method, request)
        then = call["response"]
        what = f"{call['run']}: {method} {request.get('urn', '')}"
        if method in EXACT:
            assert comparable(answer) == comparable(self.request(then)), what
        else:
            assert sorted(answer) == sorted(then), what
            for part in ("properties", "inputs"):
                assert sorted(answer.get(part, {})) == sorted(then.get(part, {})), f"{what}: {part}"
        self.learn(then, answer)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out the words of a failure: they are for people."""
    failures = [failure["property"] for failure in answer.get("failures", [])]
    return {**answer, "failures": failures}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    engine = Engine()
    folder = tmp_path / "twin"
    yield Run(folder, engine)
    command.stop(TwinFolder(folder), keep=False)
    engine.close()


def test_the_engines_calls_are_answered_as_they_were(run: Run) -> None:
    project = write_project(PROGRAM, "local", run.folder)
    for name, calls in groupby(CALLS, key=lambda call: str(call["run"])):
        with ExitStack() as plugins:
            callers = {
                package: plugins.enter_context(
                    plugin(project / "plugins" / package / f"pulumi-resource-{package}", run.engine, PROGRAM)
                )
                for package in PACKAGES
            }
            for call in calls:
                run.play(callers, call)
            if name == "up":
                assert run.aws("dms").describe_replication_tasks()["ReplicationTasks"] == []
    # The last run destroyed all of it.
    until(lambda: TwinFolder(run.folder).holder() is None, what="the keeper's end")
    assert {path.name for path in run.folder.iterdir()} == {"pulumi"}


def test_the_recording_covers_the_life_of_a_stack() -> None:
    methods = {call["method"] for call in CALLS}
    assert {"Handshake", "CheckConfig", "DiffConfig", "Configure", "Check", "Diff", "Cancel"} <= methods
    assert {"Create", "Read", "Update", "Delete"} <= methods
    assert any(call["request"].get("preview") for call in CALLS)
    assert any(call["response"].get("failures") for call in CALLS)
    assert any(call["response"].get("replaces") for call in CALLS)
