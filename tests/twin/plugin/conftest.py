"""The second program, up for all tests of its lifecycle; a plugin in this process for the others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.twin.plugin.engines import Caller, Engine
from tests.twin.plugin.kept import ACCOUNT, REGION, Kept
from tests.twin.plugin.shops import PROGRAM, REASON, Shop, cli_is_there
from twin.cloud import Cloud
from twin.emulator import Emulator
from twin.plugin import command
from twin.plugin.provider import Provider
from twin.plugin.session import Session
from twin.supervisor import Supervisor


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The program's stack; nothing of it is left after the tests."""
    if not cli_is_there():
        pytest.skip(REASON)
    # A copy, whose handler a test may change.
    program = shutil.copytree(PROGRAM, tmp_path_factory.mktemp("program") / "shop")
    made = Shop(tmp_path_factory.mktemp("shop") / "twin", tmp_path_factory.mktemp("pulumi-home"), program)
    yield made
    command.stop(made.folder, keep=False)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator."""
    made = Emulator(tmp_path_factory.mktemp("emulator"), account=ACCOUNT, region=REGION)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def kept(tmp_path: Path, emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[Kept]:
    """An empty twin for providers; what a test leaves in it is removed."""
    supervisor = Supervisor()
    stack = request.node.nodeid
    cloud = Cloud(tmp_path / "twin", supervisor, region=REGION, account=ACCOUNT, emulator=emulator, stack=stack)
    yield Kept(cloud)
    cloud.prune(set())
    cloud.close()
    supervisor.stop()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """What plugins log to."""
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def aws(kept: Kept, engine: Engine, tmp_path: Path) -> Iterator[Caller]:
    """A configured provider of the package aws."""
    session = Session(Provider("aws", kept, tmp_path))
    caller = Caller(session.port)
    caller.call("Handshake", {"engineAddress": engine.address})
    caller.call("Configure", {"args": {"region": REGION, "defaultTags": '{"tags": {"team": "a"}}'}})
    yield caller
    caller.close()
    session.close()
