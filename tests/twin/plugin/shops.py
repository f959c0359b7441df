"""The second program on the twin, driven by the real engine through Pulumi's Automation API."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from pulumi import automation as auto
from semver import VersionInfo

from twin.aws_clients import isolated_session
from twin.folder import TwinFolder
from twin.plugin.command import ask
from twin.plugin.project import write_project

PROGRAM = Path(__file__).parent / "shop"
REASON = "needs the Pulumi CLI on the PATH (https://www.pulumi.com/docs/install/)"
ANSWER_S = 20.0


def cli_is_there() -> bool:
    return shutil.which("pulumi") is not None


def cli() -> auto.PulumiCommand:
    """The CLI on the PATH. One that was built from its sources tells no version, and is taken for a recent one."""
    found = auto.PulumiCommand(skip_version_check=True)
    found.version = found.version or VersionInfo(3, 200)
    return found


class Shop:
    """A stack of the program in a twin's folder."""

    def __init__(self, folder: Path, home: Path, program: Path = PROGRAM) -> None:
        self.folder = TwinFolder(folder)
        self.program = program
        self._home = home
        self.renew()

    def renew(self) -> None:
        """Write the project, and make the stack if there is none."""
        self.project = write_project(self.program, "local", self.folder.path)
        self.environment = {
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(self._home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        options = auto.LocalWorkspaceOptions(
            env_vars=self.environment, pulumi_home=str(self._home), pulumi_command=cli()
        )
        self.stack = auto.create_or_select_stack("local", work_dir=str(self.project), opts=options)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Set exactly these values."""
        path = self.project / "Pulumi.local.yaml"
        kept = [line for line in path.read_text().splitlines() if line.startswith("encryptionsalt")]
        values = [f"  shop:{key}: {json.dumps(value)}" for key, value in config.items()]
        path.write_text("\n".join([*kept, "config:" if values else "config: {}", *values, ""]))

    def up(self, **config: Any) -> Up:
        """Bring the stack to a configuration."""
        self.configure(config)
        seen: list[auto.EngineEvent] = []
        result = self.stack.up(on_event=seen.append, color="never")
        return Up(result, seen)

    def preview(self, **config: Any) -> tuple[dict[str, int], list[auto.EngineEvent], str]:
        """Tell what `up` would do: numbers by operation, the engine's events, and the text."""
        self.configure(config)
        seen: list[auto.EngineEvent] = []
        result = self.stack.preview(on_event=seen.append, color="never", diff=True)
        changes = {str(getattr(key, "value", key)): number for key, number in result.change_summary.items()}
        return changes, seen, result.stdout

    def status(self) -> dict[str, Any] | None:
        """Ask the keeper."""
        return ask(self.folder.path, {"do": "status"})

    def client(self, service: str) -> Any:
        """A client of the twin's AWS, as its administrator."""
        ask(self.folder.path, {"do": "publish", "outputs": {}})
        outputs = self.folder.outputs()
        assert outputs is not None
        aws = {
            "endpoint_url": outputs["aws_endpoint_url"], "region": "eu-west-1", "session_token": None,
            "access_key_id": outputs["aws_access_key_id"], "secret_access_key": outputs["aws_secret_access_key"],
        }  # fmt: skip
        session: boto3.Session = isolated_session(aws)
        return session.client(service, endpoint_url=aws["endpoint_url"])

    def answer(self, kind: str, outputs: Mapping[str, auto.OutputValue]) -> str | None:
        """Send a message of a kind, and give what the function answered; None if nothing came."""
        topic, answers = outputs["topic"].value, outputs["answers"].value
        self.client("sns").publish(TopicArn=topic, Message=json.dumps({"kind": kind}))
        sqs, deadline = self.client("sqs"), time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=answers, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=answers, ReceiptHandle=message["ReceiptHandle"])
                return str(message["Body"])
        return None


class Up:
    """What one `up` did."""

    def __init__(self, result: auto.UpResult, events: list[auto.EngineEvent]) -> None:
        self.outputs = result.outputs
        self.text = result.stdout
        self.changes = {
            str(getattr(key, "value", key)): number for key, number in (result.summary.resource_changes or {}).items()
        }
        self.steps = [
            (str(event.res_outputs_event.metadata.op.value), event.res_outputs_event.metadata.urn.rpartition("::")[2])
            for event in events
            if event.res_outputs_event is not None and event.res_outputs_event.metadata.op.value != "same"
        ]
