"""What every family works with: the local services, the folder, the processes, and what was made so far."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from twin import tracing
from twin.aws_clients import isolated_session
from twin.cloud.attempt import attempt
from twin.cloud.errors import InputError, ResourceError
from twin.cloud.kind import Unknown
from twin.cloud.sessions import Sessions
from twin.cloud.state import State
from twin.durable import write_durably
from twin.process import Process
from twin.supervisor import Supervisor

PROJECT = Path(__file__).resolve().parents[2]


class AwsEndpoint(Protocol):
    """An emulator of AWS services on one address (`twin.emulator.Emulator` is one)."""

    @property
    def endpoint(self) -> str:
        """Base URL, such as `http://127.0.0.1:4566`."""

    @property
    def aws(self) -> dict[str, Any]:
        """Endpoint, region and the administrator's credentials, as processes of the twin take them."""

    def role_aws(self, role_arn: str, service: str) -> dict[str, Any]:
        """As `aws`, with credentials of a role that a service assumes."""

    def client(self, service: str) -> Any:
        """Make a boto3 client of a service that may do everything."""


FINAL_CODES = range(2, 10)


@dataclass
class Context:
    """The surroundings in which resources are made.

    Args:
        folder: the twin's folder; each resource that needs files has a folder of its own below it.
        supervisor: keeps the processes alive.
        emulator: the local AWS endpoint.
        state: what was made so far.
        region: AWS region that everything is in.
        account: AWS account id, 12 digits.
        stack: `<project>/<stack>`, part of what automatic names follow from.
        enforce_iam: processes work with a session of their role instead of as administrators.
        on_line: called with the process's name and each line that it writes to standard output.
    """

    folder: Path
    supervisor: Supervisor
    emulator: AwsEndpoint
    state: State
    region: str
    account: str
    stack: str
    enforce_iam: bool = False
    on_line: Callable[[str, str], None] | None = None
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self)

    def client(self, service: str) -> Any:
        """Give the boto3 client of a service; each is made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.emulator.client(service)
            return self._clients[service]

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """Build an ARN in this account and region."""
        return f"arn:aws:{service}:{self.region if regional else ''}:{self.account}:{resource}"

    def folder_of(self, family: str, id_: str) -> Path:
        """Give a resource's own folder; it is not made here."""
        return self.folder / family / id_.replace("/", "_").replace(":", "_")

    def run(self, name: str, module: str, spec: dict[str, Any], *, role_arn: str | None, service: str) -> None:
        """Write a specification and keep `python -m <module> <specification>` running on it.

        Returns when the process says that it is able to work. An older process of that name is replaced.
        With enforcement on it works with a session of the role, assumed by `service`.
        """
        folder = Path(spec["folder"])
        path = folder / "spec.json"
        document = {**spec, "aws": self.sessions.aws(role_arn, service)}
        write_private(path, json.dumps(document, indent=1))
        attempt().say(f"starting {name}")
        self.supervisor.add(child(name, module, [str(path)], folder, self.on_line))
        self.sessions.renew(name, role_arn, service, path)

    def stop(self, name: str) -> None:
        """End a process that `run` started; does nothing if there is none."""
        self.sessions.forget(name)
        self.supervisor.remove(name)

    def require_role(self, role_arn: str, prop: str, owner: str) -> None:
        """Check that a role exists.

        Raises:
            InputError: it does not.
        """
        iam = self.client("iam")
        try:
            iam.get_role(RoleName=role_arn.rsplit("/", 1)[-1])
        except iam.exceptions.NoSuchEntityException as error:
            raise InputError(f"{owner}: {prop} {role_arn!r} is not a role of this stack.") from error

    def secret(self, secret_arn: str, role_arn: str | None, service: str, owner: str) -> dict[str, Any]:
        """Read a secret that holds a JSON object, with enforcement on as the role may.

        Raises:
            ResourceError: there is no such secret, it holds something else, or the role may not read it.
        """
        client = self._client_of(role_arn, service, "secretsmanager")
        try:
            content = json.loads(client.get_secret_value(SecretId=secret_arn)["SecretString"])
        except client.exceptions.ResourceNotFoundException as error:
            raise ResourceError(f"{owner}: the secret {secret_arn} does not exist or has no value yet.") from error
        except ValueError as error:
            raise ResourceError(f"{owner}: the secret {secret_arn} does not hold JSON.") from error
        if not isinstance(content, dict):
            raise ResourceError(f"{owner}: the secret {secret_arn} does not hold a JSON object.")
        return content

    def _client_of(self, role_arn: str | None, assumed_by: str, service: str) -> Any:
        if not self.enforce_iam or role_arn is None:
            return self.client(service)
        aws = self.sessions.aws(role_arn, assumed_by)
        return isolated_session(aws).client(
            service,
            endpoint_url=aws["endpoint_url"],
        )


def child(
    name: str, module: str, arguments: list[str], folder: Path, on_line: Callable[[str, str], None] | None
) -> Process:
    """Describe a Python process of the twin that reports `{"hop": "ready"}` once it is able to work."""
    ready = threading.Event()

    def read(line: str) -> None:
        if '"hop"' in line and '"ready"' in line:
            ready.set()
        if on_line is not None:
            on_line(name, line)

    return Process(
        name,
        [sys.executable, "-m", module, *arguments],
        # Traces are written for who reads them, and for nobody else: they cost time.
        env={**os.environ, "PYTHONUNBUFFERED": "1", tracing.VARIABLE: "1" if on_line is not None else ""},
        cwd=PROJECT,
        log=folder / "process.log",
        ready=ready.is_set,
        on_line=read,
        # What the twin's processes end with when their specification or their surroundings must change first.
        final_codes=FINAL_CODES,
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step; its folder is made if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, text.encode())


def number(inputs: Mapping[str, Any], prop: str) -> int | None:
    """Give a property as a whole number; None if it is absent, not known yet, or no number."""
    value = inputs.get(prop)
    try:
        return None if value is None or isinstance(value, Unknown | bool) else int(value)
    except (TypeError, ValueError):
        return None


def text(inputs: Mapping[str, Any], prop: str) -> str:
    """Give a property that must be there, as text."""
    return str(inputs[prop])
