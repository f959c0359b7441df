"""The whole system on this machine: the program of `__main__.py`, made real in a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from infra.packaging import host_architecture, host_runtime
from twin.cloud import Cloud
from twin.control.server import ControlServer
from twin.driver import read_config, up
from twin.driver.program import ROOT
from twin.emulator.emulator import Emulator
from twin.flow import FlowJournal
from twin.folder import TwinFolder
from twin.ports import free_port
from twin.process import Process
from twin.supervisor import Supervisor

STACK = "local"
PROJECTOR_OUTPUT = "project_clients_function"


class Twin:
    """Brings the system up in a folder and takes it down again.

    Args:
        folder: where everything is kept; taken by `up`, given back empty by `down`.
        on_resource: called with type, name and seconds as each resource is made.
        on_restart: called with name and exit code of a process that died and is started again.
        on_end: called with a sentence about a process that gave up for good.
        on_hop: called with event id, hop and unix seconds as each event passes a hop.
        config: configuration values that win over those of `Pulumi.local.yaml`.
    """

    def __init__(
        self,
        folder: TwinFolder,
        *,
        on_resource: Callable[[str, str, float], None] | None = None,
        on_restart: Callable[[str, int], None] | None = None,
        on_end: Callable[[str], None] | None = None,
        on_hop: Callable[[str, str, float], None] | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.journal = FlowJournal(on_hop)
        self.supervisor = Supervisor(on_restart=self._restarted, on_end=self._ended)
        self._on_resource = on_resource
        self._on_restart = on_restart
        self._on_end = on_end
        self._overrides = config or {}
        self._cloud: Cloud | None = None
        self._control: ControlServer | None = None
        self._noting = threading.Lock()
        self._noted: dict[str, int] = {}

    @property
    def cloud(self) -> Cloud:
        """What was made; there is none before `up`."""
        if self._cloud is None:
            raise RuntimeError("The twin is not up.")
        return self._cloud

    def up(self) -> dict[str, Any]:
        """Make everything the program declares, publish its outputs in the folder, and give them.

        Raises:
            TwinError: the folder is taken, a process did not start, or a resource could not be made.
        """
        self.folder.acquire()
        config = read_config(ROOT, STACK, self._configuration())
        control_port = free_port()
        self.emulator = emulator = Emulator(
            self.folder.data / "emulator",
            account=str(config["orders:account"]),
            region=str(config["orders:region"]),
            enforce_iam=True,
            control_port=control_port,
        )
        self.supervisor.add(emulator.process)
        self._cloud = Cloud(
            self.folder.data,
            self.supervisor,
            region=emulator.region,
            account=emulator.account,
            emulator=emulator,
            stack=STACK,
            enforce_iam=True,
            on_line=lambda _, line: self.journal.line(line),
        )
        self._control = ControlServer(self._cloud.context, control_port, emulator.secret)
        outputs = up(self._cloud, config=config, on_resource=self._made).outputs
        self._note_processes()
        # What the program made is as durable as on AWS from here on, also when the emulator is killed.
        emulator.save()
        self.journal.projector = str(outputs[PROJECTOR_OUTPUT])
        self.folder.write_outputs({**outputs, **self._access()})
        return outputs

    def _access(self) -> dict[str, str]:
        """How operators' commands reach the twin's AWS; on AWS itself they have credentials of their own."""
        aws = self.emulator.aws
        names = ("endpoint_url", "access_key_id", "secret_access_key")
        return {f"aws_{name}": str(aws[name]) for name in names}

    def _configuration(self) -> dict[str, Any]:
        return {"architecture": host_architecture(), "runtime": host_runtime(), **self._overrides}

    def _made(self, type_token: str, name: str, seconds: float) -> None:
        self._note_processes()
        if self._on_resource is not None:
            self._on_resource(type_token, name, seconds)

    def _restarted(self, name: str, code: int) -> None:
        self._note_processes()
        if self._on_restart is not None:
            self._on_restart(name, code)

    def _ended(self, process: Process, code: int) -> None:
        self._note_processes()
        if self._on_end is not None:
            self._on_end(f"{process.name} gave up with exit code {code}.{process.log_tail()}")

    def _note_processes(self) -> None:
        with self._noting:
            running = {name: process.pid for name, process in self.supervisor.processes.items()}
            pids = {name: pid for name, pid in running.items() if pid is not None}
            # Asked after each of the program's resources, of which few are processes.
            if pids != self._noted:
                self.folder.note_processes(pids)
                self._noted = pids

    def down(self) -> None:
        """Stop everything and leave nothing behind. Safe to repeat, and after an `up` that failed."""
        self.folder.withdraw_outputs()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._cloud is not None:
            self._cloud.close()
            self._cloud = None
        self.supervisor.stop()
        self.folder.release()
