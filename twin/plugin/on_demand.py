"""The emulator of a kept twin: started when it is first needed, so that a preview need not wait for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from twin.cloud.context import Context
from twin.control.server import ControlServer
from twin.emulator.emulator import Emulator
from twin.plugin.errors import KeeperError
from twin.plugin.place import Places
from twin.supervisor import Supervisor


class OnDemandEmulator:
    """Stands for an emulator, and starts it on the first call (`twin.cloud.context.AwsEndpoint`).

    Args:
        folder: of the emulator.
        places: region, account and ports.
        supervisor: keeps it running.
    """

    def __init__(self, folder: Path, places: Places, supervisor: Supervisor) -> None:
        self._folder = folder
        self._places = places
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._emulator: Emulator | None = None
        self._control: ControlServer | None = None
        self.context: Context | None = None

    def _running(self) -> Emulator:
        with self._lock:
            if self._emulator is None:
                self._emulator = self._start()
            return self._emulator

    def _start(self) -> Emulator:
        place = self._places.place
        port, control_port = self._places.ports()
        made = Emulator(self._folder, port, place.account, place.region, enforce_iam=True, control_port=control_port)
        self._supervisor.add(made.process)
        if self.context is not None:
            try:
                self._control = ControlServer(self.context, control_port, made.secret)
            except OSError as error:
                raise KeeperError(
                    f"Port {control_port} of 127.0.0.1, which this twin had before, is taken by another program. "
                    "End that one, or `make down` and start anew."
                ) from error
        return made

    @property
    def started(self) -> Emulator | None:
        """The emulator, if it was started."""
        return self._emulator

    @property
    def endpoint(self) -> str:
        """Base URL."""
        return self._running().endpoint

    @property
    def aws(self) -> dict[str, Any]:
        """Endpoint, region and the administrator's credentials."""
        return self._running().aws

    def role_aws(self, role_arn: str, service: str) -> dict[str, Any]:
        """As `aws`, with credentials of a role that a service assumes."""
        return self._running().role_aws(role_arn, service)

    def client(self, service: str) -> Any:
        """Make a boto3 client of a service that may do everything."""
        return self._running().client(service)

    def close(self) -> None:
        """Stop answering for DMS and Pipes; the emulator itself is the supervisor's to stop."""
        if self._control is not None:
            self._control.close()
            self._control = None
