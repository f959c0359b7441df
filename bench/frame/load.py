"""How busy processes are, and the machine with other work while a contender runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import perf_counter
from typing import Self

import psutil

_CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Load:
    """Of one run.

    Attributes:
        average: the load average of the last minute, at its end.
        others: processors that anything but this process and its descendants kept busy, of as many as there are.
    """

    average: float
    others: float


class Watch:
    """Takes the time of a run, and the load during it.

    Descendants that come and go are counted as soon as their parents have waited for them, so a short run beside
    short-lived processes is told wrong by their share.
    """

    def __enter__(self) -> Self:
        self._busy, self._own, self._begun = _busy_s(), _own_s(), perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = max(perf_counter() - self._begun, 1e-9)
        others = (_busy_s() - self._busy) - (_own_s() - self._own)
        self.load = Load(round(os.getloadavg()[0], 2), round(min(max(others / self.seconds, 0), _CORES), 2))


def busy_s(pid: int) -> tuple[float, float]:
    """Processor seconds of a process and of its descendants, those that have ended and were waited for too."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    children = times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            of_child = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # Its parent counts it from now on.
        children += sum(of_child[:4])
    return times.user + times.system, children


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0))


def _own_s() -> float:
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue  # It has just ended, and its parent counts it.
        total += times.user + times.system + times.children_user + times.children_system
    return total
