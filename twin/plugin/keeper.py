"""Keeps a twin between two runs of Pulumi's engine: its servers, its processes and its resources."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from twin.cloud import Cloud
from twin.cloud.settings import ProviderSettings
from twin.durable import write_durably
from twin.errors import TwinError
from twin.folder import TwinFolder
from twin.plugin.errors import KeeperError
from twin.plugin.on_demand import OnDemandEmulator
from twin.plugin.place import Places
from twin.process import Process
from twin.supervisor import Supervisor

log = logging.getLogger(__name__)

PLACE_FILE = "place.json"
ACCESS = ("endpoint_url", "access_key_id", "secret_access_key")


class Keeper:
    """A twin that is kept in a folder; `twin.plugin.provider.Kept` for the providers.

    Args:
        folder: where everything is kept; held by this process.
        warn: called with a sentence that the user should see.

    Raises:
        TwinError: the folder holds something else.
    """

    def __init__(self, folder: TwinFolder, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._noting = threading.Lock()
        self._noted: dict[str, int] = {}
        self._ready = threading.Event()
        self._failure: TwinError | None = None
        self._changes = False
        self._removals = False
        self._lost: list[str] = []
        self.supervisor = Supervisor(on_restart=self._restarted, on_end=self._ended)
        self._outputs = folder.data / "outputs.json"
        self._places = Places(folder.data / PLACE_FILE)
        self._emulator = OnDemandEmulator(folder.data / "emulator", self._places, self.supervisor)
        self._cloud = Cloud(
            folder.data,
            self.supervisor,
            region=self._places.place.region,
            account=self._places.place.account,
            emulator=self._emulator,
            project="pulumi",
            stack="kept",
            enforce_iam=True,
        )
        self._emulator.context = self._cloud.context

    def resume(self) -> None:
        """Bring up what was running before; what waits for `cloud` then goes on."""
        try:
            if self._cloud.state.all():
                if self._places.place.region:
                    self._emulator.aws  # noqa: B018 - starts it
                self._lost = [
                    f"{lost}\n`pulumi refresh` notes it, and the next `pulumi up` makes it anew."
                    for lost in self._cloud.resume()
                ]
                for lost in self._lost:
                    log.warning("%s", lost)
                self._note_processes()
                if self._outputs.exists():
                    self.publish(json.loads(self._outputs.read_text("utf-8")))
        except TwinError as error:
            log.warning("The twin does not come up again: %s", error)
            self._failure = error
        finally:
            self._ready.set()

    def cloud(self) -> Cloud:
        """Give the cloud, once everything runs.

        Raises:
            KeeperError: it cannot be brought up again.
        """
        self._ready.wait()
        if self._failure is not None:
            raise KeeperError(f"The twin in {self._folder.path} does not come up again: {self._failure}")
        return self._cloud

    def warnings(self) -> list[str]:
        """Give what did not come up again, each as a sentence."""
        return self._lost

    def place_for(self, settings: ProviderSettings) -> tuple[str, str]:
        """Give region and account: the twin's, or those that it would take from a first provider like this."""
        return self._places.place_for(settings)

    def settle(self, settings: ProviderSettings) -> ProviderSettings:
        """Take region and account from a first provider; give its settings with the region filled in.

        Raises:
            KeeperError: the twin stands in for another region or account.
        """
        place = self._places.settle(settings)
        self._cloud.settle(place.region, place.account)
        return settings.of_region(place.region)

    def changed(self, *, removed: bool = False) -> None:
        """Hear that something was made or changed, or removed."""
        self._changes = True
        self._removals = self._removals or removed
        self._note_processes()

    @property
    def empty(self) -> bool:
        """Whether there is no resource."""
        return not self._cloud.state.all()

    def rest(self) -> None:
        """Make sure, at the end of a run, that what was made survives a crash of the machine."""
        emulator = self._emulator.started
        try:
            if self._removals:
                # What the program retains is not removed by the engine, but may go with what it was part of.
                self._cloud.forget_gone()
            if self._changes and emulator is not None:
                emulator.save()
        except TwinError as error:
            log.warning("%s", error)
        self._changes = self._removals = False
        if self.empty:
            self._folder.withdraw_outputs()

    def publish(self, outputs: dict[str, Any]) -> None:
        """Publish a stack's outputs in the folder, with the way to the twin's AWS."""
        self._folder.write_outputs(outputs | self._access())
        write_durably(self._outputs, json.dumps(outputs).encode())

    def _access(self) -> dict[str, str]:
        emulator = self._emulator.started
        return {f"aws_{name}": str(emulator.aws[name]) for name in ACCESS} if emulator else {}

    def status(self) -> dict[str, Any]:
        """Tell what there is, as JSON."""
        resources = self._cloud.state.all()
        return {
            "resources": len(resources),
            "stacks": sorted({stack_of(one.key) for one in resources}),
            "processes": {name: process.pid for name, process in self.supervisor.processes.items()},
            "region": self._places.place.region,
            "account": self._places.place.account,
            "failure": str(self._failure) if self._failure else None,
        }

    def close(self, *, keep: bool) -> None:
        """Stop everything and give the folder back, with what is in it or without."""
        self._emulator.close()
        self._cloud.close()
        self.supervisor.stop()
        self._folder.release(keep=keep)

    def _restarted(self, name: str, code: int) -> None:
        self._note_processes()
        self._warn(f"{name} ended with exit code {code} and is started again.")

    def _ended(self, process: Process, code: int) -> None:
        self._note_processes()
        self._warn(f"{process.name} gave up with exit code {code}.{process.log_tail()}")

    def _note_processes(self) -> None:
        with self._noting:
            running = {name: process.pid for name, process in self.supervisor.processes.items()}
            pids = {name: pid for name, pid in running.items() if pid is not None}
            if pids != self._noted:
                self._folder.note_processes(pids)
                self._noted = pids


def stack_of(urn: str) -> str:
    """Give `<project>/<stack>` of a URN."""
    head, project = urn.split("::")[:2]
    return f"{project}/{head.removeprefix('urn:pulumi:')}"
