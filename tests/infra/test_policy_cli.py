"""The policy pack with the real Pulumi CLI: `pulumi preview --policy-pack policy`, and up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.infra.graph import ROOT

PULUMI = shutil.which("pulumi")
pytestmark = pytest.mark.skipif(
    PULUMI is None or shutil.which("pulumi-language-python") is None,
    reason="no Pulumi CLI on PATH; test_policy_pack.py says the same to the pack without it",
)
# The real program, with any small file as the zip of each function.
PROGRAM = """
import runpy, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import pulumi
from infra import packaging
packaging.build = lambda *args, **options: Path(__file__).parent / "code.zip"
{more}
runpy.run_path({root!r} + "/__main__.py", run_name="__main__")
"""
UNENCRYPTED = """
def plain(args):
    if args.type_ == "aws:sqs/queue:Queue" and args.name == "pipe-undelivered":
        return pulumi.ResourceTransformResult({**args.props, "sqsManagedSseEnabled": False}, args.opts)
pulumi.runtime.register_resource_transform(plain)
"""

Pulumi = Callable[..., subprocess.CompletedProcess[str]]


def project(folder: Path, more: str = "") -> None:
    """Write a project whose program is the real one, and whose providers make nothing."""
    content = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    content["runtime"]["options"]["virtualenv"] = str(Path(sys.executable).parents[1])
    plugins = []
    for name in ("aws", "random"):
        place = folder / name
        place.mkdir()
        start = place / f"pulumi-resource-{name}"
        start.write_text(f"#!/bin/sh\nexec {sys.executable} {ROOT}/tests/infra/provider.py\n")
        start.chmod(0o755)
        plugins.append({"name": name, "path": str(place)})
    content["plugins"] = {"providers": plugins}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(content))
    shutil.copy(ROOT / "Pulumi.dev.yaml", folder)
    with zipfile.ZipFile(folder / "code.zip", "w") as archive:
        archive.writestr("handler.py", "")
    (folder / "__main__.py").write_text(PROGRAM.format(root=str(ROOT), more=more))


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    """The CLI, with a home and a state of its own."""
    for name in ("home", "state", "project"):
        (tmp_path / name).mkdir()
    surroundings = {
        **os.environ,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "for the test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PULUMI), *arguments, "--stack", "dev", "--non-interactive", "--color", "never"]
        return subprocess.run(
            command,
            cwd=tmp_path / "project",
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_program_passes_in_preview_and_up(pulumi: Pulumi, tmp_path: Path) -> None:
    project(tmp_path / "project")
    assert pulumi("stack", "init").returncode == 0
    shown = pulumi("preview", "--policy-pack", str(ROOT / "policy"))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "[mandatory]" not in shown.stdout
    # Said, and counted.
    assert re.search(r"roles-have-no-wildcards: \d+ \(", shown.stdout)

    done = pulumi("up", "--yes", "--skip-preview", "--policy-pack", str(ROOT / "policy"))
    assert done.returncode == 0, done.stdout + done.stderr
    # Everything is there: nothing is left that cannot be told.
    assert "cannot be told" not in done.stdout
    assert "[mandatory]" not in done.stdout


def test_breach_stops_the_preview(pulumi: Pulumi, tmp_path: Path) -> None:
    project(tmp_path / "project", UNENCRYPTED)
    assert pulumi("stack", "init").returncode == 0
    shown = pulumi("preview", "--policy-pack", str(ROOT / "policy"))
    assert shown.returncode != 0
    [breach] = re.findall(r"\[mandatory\]\s+(\S+)\s+\((.*)\)", shown.stdout)
    assert breach == ("data-are-encrypted", "aws:sqs:Queue: pipe-undelivered")
