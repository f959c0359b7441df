"""This project's own program under the real engine: what it carries outlives changes of what carries it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pulumi import automation as auto

from tests.twin.plugin.shops import REASON, Shop, cli_is_there
from tests.twin.waiting import until
from twin.client import OrdersClient
from twin.driver.program import ROOT
from twin.plugin import command
from twin.plugin.project import write_project

# The first `up` fetches and builds what the functions need.
pytestmark = pytest.mark.timeout(900)

CLIENT, TV = 1, 3
PARTS = ("__main__.py", "Pulumi.yaml", "Pulumi.local.yaml", "functions", "infra", "migrations", "openapi.yaml")


class Orders(Shop):
    """A stack of a copy of the program, of which a test may change a line."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Set these values on top of those of Pulumi.local.yaml."""
        path = write_project(self.program, "local", self.folder.path) / "Pulumi.local.yaml"
        document = yaml.safe_load(path.read_text())
        document["config"] |= {f"orders:{key}": value for key, value in config.items()}
        path.write_text(yaml.safe_dump(document))

    def plain(self, outputs: auto.OutputMap) -> dict[str, Any]:
        """The outputs' values."""
        return {name: output.value for name, output in outputs.items()}

    def place(self, outputs: auto.OutputMap) -> dict[str, Any]:
        """Place an order, and give the client as the read model has it then."""
        with OrdersClient(self.plain(outputs)) as client:
            answer = client.order(CLIENT, [(TV, 1)])
            assert answer.status_code == httpx.codes.CREATED, answer.text
            return client.wait_for_version(CLIENT, answer.json()["client_version"], timeout_s=60)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orders]:
    if not cli_is_there():
        pytest.skip(REASON)
    program = tmp_path_factory.mktemp("program") / "orders"
    program.mkdir()
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, program / part)
    (program / ".venv").symlink_to(ROOT / ".venv")
    # What was once fetched for the functions is not fetched again.
    fetched = ROOT / ".build" / "dependencies"
    fetched.mkdir(parents=True, exist_ok=True)
    (program / ".build").mkdir()
    (program / ".build" / "dependencies").symlink_to(fetched)
    made = Orders(tmp_path_factory.mktemp("orders") / "twin", tmp_path_factory.mktemp("pulumi-home"), program)
    yield made
    command.stop(made.folder, keep=False)


@pytest.fixture(scope="module")
def outputs(orders: Orders) -> auto.OutputMap:
    return orders.up().outputs


def test_the_first_up_serves_and_the_second_changes_nothing(orders: Orders, outputs: auto.OutputMap) -> None:
    assert orders.place(outputs)["order_count"] >= 1
    assert outputs["api_password"].secret
    changes, _, _ = orders.preview()
    assert set(changes) == {"same"}
    assert orders.up().steps == []


def test_the_operators_commands_work_on_it(orders: Orders, outputs: auto.OutputMap, tmp_path: Path) -> None:
    command.ask(orders.folder.path, {"do": "publish", "outputs": orders.plain(outputs)})
    code = (
        "import sys, ops.stack; from pathlib import Path; from ops.cli import app; {}; app(['--twin', 'dlq', 'list'])"
    )
    there = f"ops.stack.find.__defaults__ = (Path({str(orders.folder.outputs_file)!r}),)"
    done = subprocess.run(
        [sys.executable, "-c", code.format(there)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "project_clients" in done.stdout


@pytest.mark.parametrize(
    "config",
    [{"pipeBatchSize": 5, "pipeRetries": 7}, {"consumerBatchSize": 3}, {"streamRetentionHours": 48}],
    ids=["pipe", "event source mapping", "stream"],
)
def test_what_carries_data_changes_in_place_and_loses_none(
    orders: Orders, outputs: auto.OutputMap, config: dict[str, Any]
) -> None:
    before = orders.place(outputs)
    changed = orders.up(**config)
    assert {operation for operation, _ in changed.steps} == {"update"}, changed.steps
    after = orders.place(outputs)
    assert (after["version"], after["order_count"]) == (before["version"] + 1, before["order_count"] + 1)


def test_a_read_model_of_one_shard_becomes_one_of_several(orders: Orders, outputs: auto.OutputMap) -> None:
    orders.up()
    before = orders.place(outputs)
    changed = orders.up(cacheShards=2)
    # The new group is there before the functions move over to it, and the old one until they have.
    moved = [step for step in changed.steps if step[1] in ("cache-nodes", "project-clients-function")]
    assert moved == [
        ("create-replacement", "cache-nodes"),
        ("replace", "cache-nodes"),
        ("update", "project-clients-function"),
        ("delete-replaced", "cache-nodes"),
    ]
    assert changed.outputs["cache_name"].value == "orders-local-shards"
    # It is empty, and an order brings its client with it.
    after = orders.place(changed.outputs)
    assert (after["version"], after["order_count"]) == (before["version"] + 1, before["order_count"] + 1)
    assert ("replace", "cache-nodes") in orders.up().steps


def test_changed_task_settings_change_the_task_in_place_and_nothing_is_lost(
    orders: Orders, outputs: auto.OutputMap
) -> None:
    before = orders.place(outputs)
    orders.up()
    settings = orders.program / "infra" / "mappings.py"
    text = settings.read_text()
    settings.write_text(text.replace('"CommitRate": 10000', '"CommitRate": 20000'))
    changed = orders.up()
    settings.write_text(text)
    assert changed.steps == [("update", "capture-task")]
    after = orders.place(outputs)
    assert (after["version"], after["order_count"]) == (before["version"] + 1, before["order_count"] + 1)


@pytest.mark.parametrize(
    ("module", "old", "new", "replaced"),
    [
        ("capture", "resource_identifier=names.capture", 'resource_identifier=f"{names.capture}-2"', "capture-task"),
        ("pipe", "name=names.events", 'name=f"{names.events}-2"', "pipe-pipe"),
    ],
    ids=["task", "pipe"],
)
def test_a_new_task_or_pipe_in_the_old_one_s_place_loses_nothing(
    orders: Orders, outputs: auto.OutputMap, module: str, old: str, new: str, replaced: str
) -> None:
    orders.up()
    before = orders.place(outputs)
    source = orders.program / "infra" / f"{module}.py"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    changed = orders.up()
    assert ("replace", replaced) in changed.steps
    after = orders.place(outputs)
    assert (after["version"], after["order_count"]) == (before["version"] + 1, before["order_count"] + 1)
    source.write_text(text)
    assert ("replace", replaced) in orders.up().steps


def test_a_changed_handler_updates_that_function_and_the_api_answers_with_it(
    orders: Orders, outputs: auto.OutputMap
) -> None:
    before = orders.place(outputs)
    orders.up()
    view = orders.program / "functions" / "get_client" / "handler.py"
    view.write_text(view.read_text().replace('f\'{{"name"', 'f\'{{"changed": true, "name"'))
    changed = orders.up()
    assert changed.steps == [("update", "get-client-function")]
    with OrdersClient(orders.plain(changed.outputs)) as client:
        until(lambda: client.client(CLIENT).json().get("changed"), what="the new code's answer")
        assert client.client(CLIENT).json()["version"] == before["version"]
