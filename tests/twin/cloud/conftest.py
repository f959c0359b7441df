"""An emulator for the session, and a cloud of its own for each test."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.twin.cloud.documents import ACCOUNT, REGION, trust
from twin.cloud import Cloud
from twin.emulator import Emulator
from twin.supervisor import Supervisor

Archive = Callable[..., Path]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator."""
    made = Emulator(tmp_path_factory.mktemp("emulator"), account=ACCOUNT, region=REGION)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """A supervisor whose processes end with the test."""
    made = Supervisor()
    yield made
    made.stop()


@pytest.fixture
def cloud(
    tmp_path: Path, emulator: Emulator, supervisor: Supervisor, request: pytest.FixtureRequest
) -> Iterator[Cloud]:
    """An empty cloud; what a test leaves in it is removed."""
    made = Cloud(
        tmp_path / "twin",
        supervisor,
        region=REGION,
        account=ACCOUNT,
        emulator=emulator,
        project="tests",
        stack=request.node.nodeid,
    )
    yield made
    made.prune(set())
    made.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Make a zip with one module `handler` of the given source."""

    def make(source: str, name: str = "function.zip") -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as content:
            content.writestr(zipfile.ZipInfo("handler.py", (1980, 1, 1, 0, 0, 0)), source)
        path = tmp_path / name
        path.write_bytes(buffer.getvalue())
        return path

    return make


@pytest.fixture
def role(cloud: Cloud) -> dict[str, Any]:
    """Outputs of a role that Lambda, DMS and Pipes may assume."""
    services = ("lambda.amazonaws.com", "dms.amazonaws.com", f"dms.{REGION}.amazonaws.com", "pipes.amazonaws.com")
    return cloud.create("aws:iam/role:Role", "role", {"assumeRolePolicy": trust(*services)}).outputs
