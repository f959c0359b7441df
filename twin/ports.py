"""Free ports on the loopback interface."""

from __future__ import annotations

import secrets
import socket

from twin.errors import PortError

LOOPBACK = "127.0.0.1"
# Below those that systems give to outgoing connections (Linux from 32768 on, macOS from 49152), any of which would
# else take a port between its choice and the start of the server.
CHOICE = range(15_000, 32_000)
TRIES = 200


def free_port() -> int:
    """Give a TCP port that nothing on loopback listens on at this moment.

    The port is not reserved: another program may take it before it is used, so
    whoever starts a server on it has to notice a failed bind.

    Raises:
        PortError: no free port was found.
    """
    reason = ""
    for _ in range(TRIES):
        port = secrets.choice(CHOICE)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                reason = error.strerror or str(error)
            else:
                return port
    raise PortError(f"No free TCP port on {LOOPBACK} ({reason}). End what holds many connections and try again.")


def free_ports(number: int) -> list[int]:
    """Give different ports, each as `free_port` does.

    Raises:
        PortError: the system has too few free ports left.
    """
    found = set[int]()
    while len(found) < number:
        found.add(free_port())
    return sorted(found)


def is_listening(port: int) -> bool:
    """Tell whether something accepts TCP connections on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
