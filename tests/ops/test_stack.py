"""Which stack a command works on, and what it says when there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.errors import OutputMissing, StackUnknown
from ops.stack import Stack, find, of_pulumi, of_twin

ACCESS = {
    "aws_endpoint_url": "http://127.0.0.1:1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "hidden",
}


@pytest.fixture
def twin_outputs(tmp_path: Path) -> Path:
    """The outputs of a twin that serves."""
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps({"region": "eu-central-1", "a_queue_url": "q1", "b_queue_url": "q2", **ACCESS}))
    return path


def a_pulumi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name on PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_running_twin_is_meant_unless_a_stack_is_named(
    twin_outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_pulumi(tmp_path / "bin", """echo '{"region": "us-east-1"}'""", monkeypatch)
    assert find(None, False, twin_outputs).name == "twin"
    assert find("dev", False, twin_outputs).output("region") == "us-east-1"
    assert find(None, False, tmp_path / "none.json").output("region") == "us-east-1"


def test_the_twin_alone_will_do_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pulumi(tmp_path / "bin", """echo '{"region": "us-east-1"}'""", monkeypatch)
    with pytest.raises(StackUnknown, match="make up"):
        find(None, True, tmp_path / "none.json")


def test_a_twin_stack_knows_how_to_reach_its_aws_and_shows_no_secret(twin_outputs: Path) -> None:
    stack = of_twin(twin_outputs)
    assert stack.twin is not None
    assert stack.twin.endpoint_url == ACCESS["aws_endpoint_url"]
    assert "hidden" not in repr(stack)


@pytest.mark.parametrize("text", ["{", '{"region": "x"}'])
def test_damaged_outputs_of_a_twin_are_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(text)
    with pytest.raises(StackUnknown, match="make down"):
        of_twin(path)


def test_the_named_stack_is_asked_for_without_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pulumi(tmp_path / "bin", f'echo "$@" > {tmp_path}/asked; echo \'{{"region": "us-east-1"}}\'', monkeypatch)
    of_pulumi("prod")
    asked = (tmp_path / "asked").read_text()
    assert "--stack prod" in asked
    assert "show-secrets" not in asked


def test_what_the_cli_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pulumi(tmp_path / "bin", "echo 'error: no stack named x' >&2; exit 255", monkeypatch)
    with pytest.raises(StackUnknown, match="no stack named x"):
        of_pulumi("x")


def test_a_stack_without_outputs_is_not_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pulumi(tmp_path / "bin", "echo '{}'", monkeypatch)
    with pytest.raises(StackUnknown, match="pulumi up"):
        of_pulumi("x")


def test_without_the_cli_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackUnknown, match="install the Pulumi CLI"):
        of_pulumi(None)


def test_outputs_by_their_ending(twin_outputs: Path) -> None:
    assert of_twin(twin_outputs).ending("_queue_url") == {"a": "q1", "b": "q2"}


def test_a_missing_output_is_named() -> None:
    with pytest.raises(OutputMissing, match="stream_arn"):
        Stack("dev", {}).output("stream_arn")


def test_help_needs_no_stack() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "--stack" in result.output


def test_stack_and_twin_exclude_each_other() -> None:
    assert CliRunner().invoke(app, ["--twin", "--stack", "dev", "doctor"]).exit_code == 2
