"""The running system does what openapi.yaml says, whatever it is asked, and docs/api.md tells the truth."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.document import PATH, Document, Operation, Part
from tests.twin.conftest import System
from tests.twin.waiting import until

ROOT = PATH.parent
DOCUMENT = Document.read()
MOST_SECONDS = 300


# As migrations/0002_seed.sql has them: other tests count on it. Nothing here touches the third client.
SEEDS: dict[str, list[dict[str, Any]]] = {
    "clients": [{"name": name, "email": f"{name.lower()}@anemailprovider.com"} for name in ("Bob", "Alice")],
    "products": [{"name": name, "price": price} for name, price in (("Computer", 1500), ("Phone", 500), ("TV", 1000))],
}


@pytest.fixture
def seeds(system: System) -> Iterator[None]:
    """For tests that change what is there at the beginning: it is changed back."""
    yield
    auth = (system.outputs["api_user"], system.outputs["api_password"])
    for kind, rows in SEEDS.items():
        for id_, row in enumerate(rows, 1):
            response = httpx.patch(f"{system.outputs['api_url']}/{kind}/{id_}", json=row, auth=auth, trust_env=False)
            assert response.status_code == 200, response.text
            if kind == "clients":
                system.client.wait_for_version(id_, response.json()["client_version"])


def _environment(system: System) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "API_URL": system.outputs["api_url"],
        "API_USER": system.outputs["api_user"],
        "API_PASSWORD": system.outputs["api_password"],
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.usefixtures("seeds")
@pytest.mark.timeout(MOST_SECONDS + 60)
def test_schemathesis_finds_nothing(system: System, tmp_path: Path) -> None:
    config = ROOT / "tests" / "contract" / "schemathesis.toml"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(PATH)),
            *("--url", system.outputs["api_url"]),
        ],
        cwd=tmp_path,
        env=_environment(system),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    # Every phase did something, and links were followed.
    assert all(f"✅ {phase}\n" in run.stdout for phase in ("Examples", "Coverage", "Fuzzing", "Stateful")), run.stdout
    assert re.search(r"API Links: +[1-9][0-9]* covered / ([0-9]+) selected / \1 total", run.stdout), run.stdout


LINKS = [
    pytest.param(operation, response, Part(response.step("links", name), link), id=f"{operation.id}-{name}")
    for operation in DOCUMENT.operations
    for response in operation.responses.values()
    for name, link in response.node.get("links", {}).items()
]


@pytest.mark.usefixtures("seeds")
@pytest.mark.parametrize(("operation", "response", "link"), LINKS)
def test_a_link_leads_to_what_it_says(system: System, operation: Operation, response: Part, link: Part) -> None:
    body = _example(operation)
    answer = _call(system, operation, {"id": "1"}, {}, body)
    assert operation.responses[str(answer.status_code)] == response, answer.text
    values: dict[str, dict[str, str]] = {"path": {}, "query": {}}
    for name, expression in link.node["parameters"].items():
        place, _, parameter = name.partition(".")
        source, _, pointer = expression.partition("#/")
        values[place][parameter] = str({"$request.body": body, "$response.body": answer.json()}[source][pointer])
    target = DOCUMENT.operation(link.node["operationId"])
    # The documented wait may be too short on a busy machine; the contract says to come back then.
    until(lambda: _call(system, target, values["path"], values["query"], _example(target)).status_code == 200)


def _example(operation: Operation) -> Any:
    """The first example of a call's body, None if it has none."""
    return None if operation.body is None else next(iter(operation.body.node["examples"].values()))["value"]


def _call(system: System, call: Operation, path: dict[str, str], query: dict[str, str], body: Any) -> httpx.Response:
    return httpx.request(
        call.method,
        system.outputs["api_url"] + call.path.format(**path),
        params=query,
        json=body,
        auth=(system.outputs["api_user"], system.outputs["api_password"]),
        trust_env=False,
        timeout=30,
    )


BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```http\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def _answer(text: str) -> tuple[str, set[str], dict[str, Any]]:
    """Status, names of headers and body of an HTTP answer as curl -i shows it."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    start, *lines = head.splitlines()
    names = {line.partition(":")[0].lower() for line in lines}
    return start.split()[1], names, json.loads(body) if body.strip() else {}


@pytest.mark.usefixtures("seeds")
def test_the_guides_examples_are_true(system: System) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    # One shell for all, as a reader has it: variables of one block are used in the next.
    script = "set -eu\n" + "\n".join(f"{commands}\nprintf '\\036'" for commands, _ in blocks)
    run = subprocess.run(
        ["bash", "-c", script], env=_environment(system), capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    compared = 0
    for (commands, expected), output in zip(blocks, run.stdout.split("\x1e"), strict=False):
        if expected:
            (status, headers, body), (told, named, shown) = _answer(output), _answer(expected)
            assert (status, body.keys(), body.get("type")) == (told, shown.keys(), shown.get("type")), commands
            assert named <= headers, commands
            compared += 1
    assert compared >= 6
