"""The registry is whole, and each function loads its own code and nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import functions.registry as registry
from functions.administer.handler import ROUTES
from functions.common import events

ROOT = Path(registry.__file__).parents[1]
FOLDERS = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))


def test_every_function_is_registered_once() -> None:
    answering = {function for _, function in registry.ROUTES.values()}
    assert sorted([*answering, *registry.CONSUMERS, *registry.SERVICES]) == FOLDERS
    assert {asked for asked, _ in registry.ROUTES.values()} == {*registry.COMMANDS, *registry.QUERIES}
    assert {kind for kinds in registry.CONSUMERS.values() for kind in kinds} == set(registry.EVENTS)
    assert set(registry.EVENTS) == set(events.DECODERS)


def test_the_administration_answers_what_it_is_registered_for() -> None:
    assert set(ROUTES) == {route for route, (_, function) in registry.ROUTES.items() if function == "administer"}


def _loaded(function: str) -> set[str]:
    code = f"import functions.{function}.handler, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("function", FOLDERS)
def test_importing_a_handler_loads_no_sdk_and_no_other_function(function: str) -> None:
    loaded = _loaded(function)
    assert not loaded & {"boto3", "botocore.session", "botocore.auth", "functions.registry"}
    others = {name.split(".")[1] for name in loaded if name.startswith("functions.")} - {function, "common"}
    assert not others
    database = function in (
        "place_order",
        "administer",
        "migrate",
        "prune_outbox",
        "reconcile",
        "heartbeat",
        "inspect_stores",
    )
    assert ("psycopg2" in loaded) == database
    assert ("redis" in loaded) == (
        function in ("get_client", "list_orders", "project_clients", "reconcile", "heartbeat", "inspect_stores")
    )
    assert ("pydantic" in loaded) == (function in ("place_order", "administer"))


@pytest.mark.parametrize("path", [*ROOT.glob("functions/**/__init__.py")], ids=lambda path: path.parent.name)
def test_packages_are_empty(path: Path) -> None:
    assert path.read_text() == ""
