"""The emulator as one process of the twin."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from twin.aws_clients import isolated_session
from twin.emulator.environment import ACCESS_KEY_ID, ACCOUNT, REGION
from twin.emulator.errors import EmulatorError
from twin.ports import LOOPBACK, free_port
from twin.process import Process

# On a machine whose processors are all taken a start with much to read took half a minute: one that is ended for being
# late begins from nothing again. One that ends by itself is noticed at once.
READY_TIMEOUT_S = 180.0
SECRET_VARIABLE = "TWIN_ADMIN_SECRET"  # noqa: S105 - the name of a variable
PROJECT = Path(__file__).resolve().parents[2]


class Emulator:
    """ministack on loopback: Kinesis, SNS, SQS, Lambda, API Gateway, Secrets Manager, SES, IAM and STS.

    Its state survives `stop` and `start` on the same folder. What requests stored (records, messages, items, mails)
    survives `kill` too, as do temporary credentials; what they configured survives it from `save` on.

    Args:
        folder: everything it writes goes there; made if absent.
        port: TCP port on loopback; None takes a free one.
        control_port: where the calls of DMS and Pipes are answered (`twin.control`); None: nowhere.
        account: account of all resources, 12 digits.
        region: region of all resources.
        enforce_iam: check signatures and policies of every caller but the administrator.
    """

    host = LOOPBACK

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        account: str = ACCOUNT,
        region: str = REGION,
        *,
        enforce_iam: bool = False,
        control_port: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.account = account
        self.region = region
        self.control_port = control_port
        self._secret = secrets.token_hex(20)
        self._session: boto3.Session | None = None
        self.process = Process(
            "emulator",
            [
                sys.executable, "-m", "twin.emulator",
                "--port", str(self.port),
                "--folder", str(self.folder),
                "--account", account,
                "--region", region,
                *(["--enforce-iam"] if enforce_iam else []),
                *(["--control-port", str(control_port)] if control_port else []),
            ],
            env={**os.environ, SECRET_VARIABLE: self._secret},
            cwd=PROJECT,
            log=self.folder / "emulator.log",
            ready=self._answers,
            ready_timeout_s=READY_TIMEOUT_S,
        )  # fmt: skip

    @property
    def endpoint(self) -> str:
        """Address of all services."""
        return f"http://{self.host}:{self.port}"

    @property
    def secret(self) -> str:
        """The administrator's secret key, which the control service asks for too."""
        return self._secret

    @property
    def aws(self) -> dict[str, str | None]:
        """The `aws` part of the specification of a pipe, an event source mapping or a change capture."""
        return {
            "endpoint_url": self.endpoint,
            "region": self.region,
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": self._secret,
            "session_token": None,
        }

    def role_aws(self, role_arn: str, service: str) -> dict[str, str | None]:
        """As `aws`, with credentials of a role that `service` (for example pipes.amazonaws.com) assumes.

        Raises:
            EmulatorError: the role does not exist or does not trust the service.
        """
        status, document = self._get(f"/_twin/credentials?{urlencode({'role': role_arn, 'service': service})}")
        if status != http.client.OK:
            raise EmulatorError(document.get("message", f"The emulator answered {status} for {role_arn}."))
        return {
            **self.aws,
            "access_key_id": document["AccessKeyId"],
            "secret_access_key": document["SecretAccessKey"],
            "session_token": document["SessionToken"],
        }

    def client(self, service: str, **options: Any) -> Any:
        """Make a boto3 client of a service with the administrator's credentials."""
        if self._session is None:
            self._session = isolated_session(self.aws)
        config = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=50, proxies={})
        config = config.merge(options.pop("config", Config()))
        return self._session.client(
            service,
            endpoint_url=self.endpoint,
            config=config,
            **options,
        )

    def _answers(self) -> bool:
        try:
            status, document = self._get("/_twin/ready")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        # Another emulator may already be on the port, while ours is about to end for that.
        return status == http.client.OK and document["pid"] == self.process.pid

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            document: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        return response.status, document

    def save(self) -> None:
        """Write all state to the folder now, and not only at an orderly stop: from then on it survives `kill`.

        Raises:
            EmulatorError: it could not be written.
        """
        status, document = self._get("/_twin/save")
        if status != http.client.OK:
            raise EmulatorError(document.get("message", f"The emulator answered {status}."))

    def start(self) -> None:
        """Start the emulator and wait until it takes requests.

        Raises:
            ProcessError: it did not start; the message ends with its log.
        """
        self.process.start()

    def stop(self) -> None:
        """Stop the emulator and its Lambda workers; its state is kept in the folder. Safe to repeat."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the emulator at once, as a crash would; configuration since the last `save` or `stop` is lost."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again on the same port, with its state."""
        self.process.restart()
