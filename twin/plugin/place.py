"""Region and account of a kept twin: taken from the first provider of the program, and kept with the rest."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from twin.cloud.settings import ProviderSettings
from twin.durable import write_durably
from twin.emulator.environment import ACCOUNT, REGION
from twin.plugin.errors import KeeperError
from twin.ports import free_port


@dataclass(frozen=True)
class Place:
    """Where a twin stands, on AWS and on this machine.

    Args:
        region: AWS region; empty until a provider named it.
        account: AWS account id, 12 digits; empty until then.
        port: the emulator's, on loopback. It is part of addresses in the stack's state, so it stays the same.
        control_port: of what answers for DMS and Pipes.
    """

    region: str = ""
    account: str = ""
    port: int = 0
    control_port: int = 0


class Places:
    """A place on disk.

    Args:
        path: the file.

    Raises:
        KeeperError: the file is no place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.place = Place()
        if path.exists():
            try:
                self.place = Place(**json.loads(path.read_text("utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise KeeperError(f"{path} cannot be read: {error}. `make down` removes the twin.") from error

    def place_for(self, settings: ProviderSettings) -> tuple[str, str]:
        """Give region and account: those that were chosen, or what a first provider like this would choose."""
        if self.place.region:
            return self.place.region, self.place.account
        return settings.region or REGION, next(iter(settings.allowed_accounts), ACCOUNT)

    def settle(self, settings: ProviderSettings) -> Place:
        """Choose, unless that is done.

        Raises:
            KeeperError: this provider cannot work in what was chosen.
        """
        with self._lock:
            region, account = self.place_for(settings)
            for problem in settings.problems(region, account):
                raise KeeperError(problem.text)
            self._keep(replace(self.place, region=region, account=account))
            return self.place

    def ports(self) -> tuple[int, int]:
        """Give the emulator's port and that of the control service."""
        with self._lock:
            if not self.place.port:
                self._keep(replace(self.place, port=free_port(), control_port=free_port()))
            return self.place.port, self.place.control_port

    def _keep(self, place: Place) -> None:
        if place != self.place:
            write_durably(self._path, json.dumps(asdict(place)).encode())
            self.place = place
