"""The project by which the engine runs a program on the twin; the program's own is left alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.packaging import host_architecture, host_runtime
from twin.cloud.registry import kinds
from twin.local import ROOT
from twin.plugin.errors import ProjectError
from twin.plugin.project import PACKAGES, write_project

OWN: dict[str, Any] = {
    "name": "shop",
    "main": "code",
    "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}},
    "stackConfigDir": "stacks",
    "config": {"size": {"type": "integer", "default": 3}},
    "plugins": {"providers": [{"name": "aws", "path": "elsewhere"}, {"name": "tls", "path": "bin"}]},
}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(OWN))
    (folder / "stacks" / "Pulumi.local.yaml").write_text("config:\n  shop:size: 4\n  shop:packagesFor: host\n")
    return folder


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def test_the_project_is_the_programs_with_the_twin_as_its_providers(program: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in program.rglob("*") if path.is_file()}
    project = write_project(program, "local", tmp_path / "twin")
    made = read(project / "Pulumi.yaml")
    assert (made["name"], made["config"]) == ("shop", OWN["config"])
    assert made["main"] == str(program / "code")
    assert made["runtime"]["options"] == {"toolchain": "pip", "virtualenv": str(program / ".venv")}
    assert made["backend"] == {"url": (project / "state").as_uri()}
    assert "stackConfigDir" not in made
    providers = {entry["name"]: entry["path"] for entry in made["plugins"]["providers"]}
    assert providers == {
        "aws": str(project / "plugins" / "aws"),
        "random": str(project / "plugins" / "random"),
        "tls": str(program / "bin"),
    }
    assert {path: path.read_bytes() for path in program.rglob("*") if path.is_file()} == before


def test_the_stacks_configuration_is_taken_over_for_this_machine(program: Path, tmp_path: Path) -> None:
    project = write_project(program, "local", tmp_path / "twin")
    assert read(project / "Pulumi.local.yaml")["config"] == {
        "shop:size": 4,
        "shop:packagesFor": "host",
        "shop:architecture": host_architecture(),
        "shop:runtime": host_runtime(),
    }
    # A stack without a file has the project's defaults.
    assert read(write_project(program, "other", tmp_path / "twin") / "Pulumi.other.yaml") == {"config": {}}


def test_what_pulumi_wrote_for_its_secrets_stays(program: Path, tmp_path: Path) -> None:
    project = write_project(program, "local", tmp_path / "twin")
    path = project / "Pulumi.local.yaml"
    path.write_text("encryptionsalt: v1:abc\n" + path.read_text().replace("size: 4", "size: 5"))
    write_project(program, "local", tmp_path / "twin")
    again = read(path)
    assert again["encryptionsalt"] == "v1:abc"
    assert again["config"]["shop:size"] == 4, "the program's own file is the one to change"
    assert str(program) in path.read_text().splitlines()[0]


def test_the_plugins_can_be_executed_from_anywhere(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    project = write_project(program, "local", folder)
    for package in PACKAGES:
        executable = project / "plugins" / package / f"pulumi-resource-{package}"
        assert os.access(executable, os.X_OK)
        shown = subprocess.run([executable, "--help"], cwd="/", capture_output=True, text=True, check=True).stdout
        assert "--package" in shown


def test_all_packages_that_the_twin_knows_are_plugins() -> None:
    assert {token.partition(":")[0] for token in kinds()} == set(PACKAGES)


def test_this_projects_own_files_are_fit(tmp_path: Path) -> None:
    project = write_project(ROOT, "local", tmp_path / "twin")
    assert read(project / "Pulumi.yaml")["config"] == read(ROOT / "Pulumi.yaml")["config"]
    assert read(project / "Pulumi.local.yaml")["config"]["orders:runtime"] == host_runtime()


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("a: [", "is not YAML"), ("[]\n- b", "not")])
def test_a_project_that_cannot_be_read_is_a_sentence(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(ProjectError, match=said):
        write_project(tmp_path, "local", tmp_path / "twin")
