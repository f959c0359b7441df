"""Free ports on the loopback interface."""

from __future__ import annotations

import socket

from twin.errors import PortError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Give a TCP port that nothing on loopback listens on at this moment.

    The port is not reserved: another program may take it before it is used, so
    whoever starts a server on it has to notice a failed bind.

    Raises:
        PortError: the system has no free port left.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, 0))
        except OSError as error:
            raise PortError(
                f"No free TCP port on {LOOPBACK} ({error.strerror}). End what holds many connections and try again."
            ) from error
        port: int = probe.getsockname()[1]
        return port


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
