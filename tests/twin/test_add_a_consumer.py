"""docs/add-a-consumer.md, followed word by word on a copy of the program, with an order at the end of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.twin.waiting import until
from twin.client import OrdersClient
from twin.folder import TwinFolder

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "docs" / "add-a-consumer.md"
# What the program and the twin are, and what the checks after the recipe need.
COPIED = (
    *("__main__.py", "functions", "infra", "migrations", "policy", "cost", "deployer", "twin", "ops", "tests"),
    *("contract", "docs", "openapi.yaml", "README.md", "pyproject.toml"),
)
FENCE = re.compile(r"^```(?P<kind>\w+)(?P<where>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
WHERE = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')
# Commands that the test runs in its own way: the twin as a process to talk to; a copy has no history.
OWN_WAY = ("make up", "git diff")


@dataclass
class Step:
    """A block of the recipe: what to run, or what to write where."""

    kind: str
    where: dict[str, str]
    text: str

    def take(self, program: Path) -> None:
        """Do as the recipe says."""
        if self.kind == "sh":
            commands = "".join(line + "\n" for line in self.text.splitlines() if not line.startswith(OWN_WAY))
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            subprocess.run(["bash", "-eu", "-c", commands], cwd=program, check=True, env={**os.environ, "PATH": path})
        elif "file" in self.where:
            (program / self.where["file"]).write_text(self.text)
        else:
            self._insert(program / self.where["into"])

    def _insert(self, path: Path) -> None:
        lines = path.read_text().splitlines(keepends=True)
        anchor, offset = (self.where["above"], 0) if "above" in self.where else (self.where["below"], 1)
        (found,) = [number for number, line in enumerate(lines) if line.startswith(anchor)]
        lines.insert(found + offset, self.text)
        path.write_text("".join(lines))


def steps() -> list[Step]:
    return [
        Step(block["kind"], {key: quoted or bare for key, quoted, bare in WHERE.findall(block["where"])}, block["text"])
        for block in FENCE.finditer(RECIPE.read_text())
    ]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with the consumer in it."""
    folder = tmp_path_factory.mktemp("recipe") / "orders"
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", ".build", ".twin")
    for name in (*COPIED, *(path.name for path in ROOT.glob("Pulumi*.yaml"))):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    # What was fetched for the other functions need not be fetched again.
    (folder / ".build").mkdir()
    (ROOT / ".build" / "dependencies").mkdir(parents=True, exist_ok=True)
    (folder / ".build" / "dependencies").symlink_to(ROOT / ".build" / "dependencies")
    for step in steps():
        step.take(folder)
    return folder


@pytest.fixture(scope="module")
def outputs(program: Path) -> Iterator[dict[str, Any]]:
    """Outputs of the copy, running as `make up` runs it."""
    folder, log = TwinFolder(program / ".twin"), program / "up.log"
    with log.open("wb") as writing:
        process = subprocess.Popen(
            [sys.executable, "-m", "twin", "up", "--folder", str(folder.path)],
            cwd=program, stdout=writing, stderr=writing, start_new_session=True,
        )  # fmt: skip

    def serves() -> bool:
        assert process.poll() is None, log.read_text()
        return folder.holder() == process.pid and folder.outputs() is not None

    try:
        until(serves, what="the copy serves", timeout_s=180)
        found = folder.outputs()
        assert found
        yield dict(found)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, log.read_text()


def client(outputs: dict[str, Any], service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=outputs["aws_endpoint_url"],
        region_name=outputs["region"],
        aws_access_key_id=outputs["aws_access_key_id"],
        aws_secret_access_key=outputs["aws_secret_access_key"],
    )


def log_lines(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """What the new function logged, as far as it is JSON."""
    group = f"/aws/lambda/{outputs['count_sales_function']}"
    events = client(outputs, "logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


def test_the_recipe_has_a_folder_a_call_and_a_line() -> None:
    assert [step.where.get("file") or step.where.get("into") for step in steps() if step.kind == "python"] == [
        "functions/count_sales/handler.py",
        "__main__.py",
        "functions/registry.py",
    ]


def test_an_order_arrives_at_the_new_consumer_and_at_the_others(outputs: dict[str, Any]) -> None:
    with OrdersClient(outputs) as orders:
        answer = orders.order(1, [(1, 1), (2, 3)]).json()
        orders.wait_for_version(1, answer["client_version"])

    def arrived() -> bool:
        return any(
            line.get("message") == "units sold" and (line["id_order"], line["units"]) == (answer["id_order"], 4)
            for line in log_lines(outputs)
        )

    until(arrived, what="the order is counted")
    until(lambda: any(line.get("UnitsSold") == [4.0] for line in log_lines(outputs)), what="the metric is written")
    sqs = client(outputs, "sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def waiting(url: str) -> int:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    until(lambda: waiting(outputs["count_sales_queue_url"]) == 0, what="its queue is worked off")
    assert waiting(outputs["count_sales_dead_letter_url"]) == 0


def test_what_the_recipe_says_comes_by_itself_does(program: Path) -> None:
    code = """
import json
from policy.rules import RULES
from tests.infra.graph import run
graph = run()
assert [str(found) for rule in RULES for found in rule.breaches(graph)] == []
names = {each.inputs.get("name") for each in graph.resources}
alarms = {name for name in names if str(name).startswith("orders-dev-count-sales-")}
wanted = {"age", "dead-letters", "errors", "throttles"}
assert {f"orders-dev-count-sales-{each}" for each in wanted} <= alarms, alarms
assert "orders-dev-count-sales" in graph.one("Dashboard").inputs["dashboardBody"]
assert "vpcConfig" not in graph.one("Function", "count-sales-function").inputs
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=program, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "check",
    [
        ["pytest", "tests/unit/functions/test_registry.py", "-k", "registered_once"],
        ["ruff", "check", "__main__.py", "functions/registry.py", "functions/count_sales"],
        ["ruff", "format", "--check", "__main__.py", "functions/registry.py", "functions/count_sales"],
        ["mypy", "functions/count_sales"],
        # The pages that the recipe writes anew are up to date, and nothing else asks for more.
        ["pytest", "tests/infra/test_manual.py", "-k", "alarm or fresh"],
        ["pytest", "tests/infra/test_graph.py", "-k", "reviewed or outputs"],
        ["pytest", "tests/infra/test_cost.py", "-k", "up_to_date"],
    ],
    ids=" ".join,
)
def test_the_result_passes_the_checks(program: Path, check: list[str]) -> None:
    result = subprocess.run([sys.executable, "-m", *check], cwd=program, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_that_the_recipe_points_to_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", RECIPE.read_text()):
        assert (RECIPE.parent / link).exists(), link
