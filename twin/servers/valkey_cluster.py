"""A Valkey cluster on loopback: a few primaries that share the slots, as a group with cluster mode on has them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twin.durable import write_durably
from twin.ports import free_ports
from twin.servers.valkey import ValkeyServer

SLOTS = 16384
# The nodes tell each other about themselves once a second.
JOIN_TIMEOUT_S = 60.0


class ValkeyCluster:
    """So many primaries, without replicas; each keeps its port and its slots over a restart.

    Args:
        folder: of the nodes' folders; made if absent. One that was used before has to be of as many shards.
        shards: how many primaries, 3 at least for one to be outvoted.
        settings: configuration directives of each node on top of `DEFAULT_SETTINGS`.
    """

    def __init__(self, folder: Path, shards: int = 3, settings: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # The nodes remember each other by their ports.
        known = folder / "ports.json"
        if not known.exists():
            # The bus between the nodes would else be 10,000 above the port, which need not be free.
            write_durably(known, json.dumps(free_ports(2 * shards)).encode())
        ports: list[int] = json.loads(known.read_text())
        self._buses = ports[shards:]
        self.nodes = [
            ValkeyServer(
                folder / f"node-{number}",
                port,
                {**(settings or {}), "cluster-enabled": "yes", "cluster-port": str(bus)},
            )
            for number, (port, bus) in enumerate(zip(ports[:shards], self._buses, strict=True))
        ]

    def start(self) -> None:
        """Start the nodes and have them join.

        Raises:
            ProcessError: a node did not start.
            TimeoutError: they did not find each other.
        """
        for node in self.nodes:
            node.start()
        self.join()

    def join(self) -> None:
        """Share the slots among the nodes, which run, and wait until each knows it. Safe to repeat.

        Raises:
            TimeoutError: they did not find each other.
        """
        commands = self.commands()
        share = -(-SLOTS // len(self.nodes))
        for number, command in enumerate(commands):
            # A new node knows of no slot, neither its own nor another's: they meet when all have theirs.
            if not command("CLUSTER", "SLOTS"):
                command("CLUSTER", "ADDSLOTSRANGE", number * share, min((number + 1) * share, SLOTS) - 1)
                command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        if not self._is_known(commands[0]("CLUSTER", "INFO")):
            for node, bus in zip(self.nodes[1:], self._buses[1:], strict=True):
                commands[0]("CLUSTER", "MEET", node.host, node.port, bus)
        deadline = time.monotonic() + JOIN_TIMEOUT_S
        while not all(self._is_whole(command("CLUSTER", "INFO")) for command in commands):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The {len(self.nodes)} nodes in {self.folder} did not find each other.")
            time.sleep(0.05)

    def move(self, slot: int, to: int) -> None:
        """Give a slot, which has to be empty, to a node."""
        commands = self.commands()
        owner = commands[to]("CLUSTER", "MYID")
        for command in (commands[to], *commands):
            command("CLUSTER", "SETSLOT", slot, "NODE", owner)

    def commands(self) -> list[Callable[..., Any]]:
        """What runs a command on each node, with answers as text."""
        # redis-py leaves it without types.
        return [node.client().execute_command for node in self.nodes]

    def remove(self) -> None:
        """Stop the nodes and delete their folders."""
        for node in self.nodes:
            node.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_whole(self, told: str) -> bool:
        return "cluster_state:ok\r" in told and self._is_known(told)

    def _is_known(self, told: str) -> bool:
        return f"cluster_known_nodes:{len(self.nodes)}\r" in told
