"""Closed forms that the simulation is held against: one server, arrivals at random.

Sources: the Pollaczek-Khinchine formula for M/G/1, of which M/M/1 and M/D/1 are the cases with a coefficient of
variation of one and of none; for a queue that is filled and emptied at constant rates, plain arithmetic.
"""

from __future__ import annotations

from scale.errors import UnstableError


def mean_sojourn_s(rate: float, service_s: float, variation: float) -> float:
    """Mean time in an M/G/1 queue, waiting and service together.

    Args:
        rate: arrivals a second.
        service_s: mean service time.
        variation: coefficient of variation of the service time: 1 for exponential (M/M/1), 0 for constant (M/D/1).

    Raises:
        UnstableError: arrivals are not slower than the server.
    """
    load = rate * service_s
    if load >= 1:
        raise UnstableError(f"The queue only grows: its server would have to be busy {load:.0%} of the time.")
    return service_s + load * service_s * (1 + variation**2) / (2 * (1 - load))


def catch_up_s(fault_s: float, rate: float, capacity: float) -> float:
    """Seconds after a fault until what gathered in it is gone, with `rate` still arriving.

    Raises:
        UnstableError: there is no capacity to spare.
    """
    if rate >= capacity:
        raise UnstableError(f"Nothing is caught up: {rate:g} a second arrive, {capacity:g} are served.")
    return fault_s * rate / (capacity - rate)
