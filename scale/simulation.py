"""A line of queues, simulated event by event: stages with servers that take batches, orders at random times.

Time is in seconds. The same seed gives the same outcome.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

# How long a server takes for a batch of so many, in seconds.
Service = Callable[[random.Random, int], float]
_Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Stage:
    """A queue and its servers.

    Attributes:
        batch: orders that a server takes at once, at most.
        window_s: a server that finds fewer waits until the first of them is so old.
        delay_s: on the way to the next stage, without a server.
        shared: whether its servers take turns with all others of the line that share, as one process behind them does.
    """

    name: str
    servers: int
    service: Service
    batch: int = 1
    window_s: float = 0.0
    delay_s: float = 0.0
    shared: bool = False


@dataclass(frozen=True)
class Fault:
    """A time in which a stage's servers take nothing; what they have is finished."""

    stage: str
    begin_s: float
    end_s: float


@dataclass
class Outcome:
    """What a simulation gave.

    Attributes:
        sojourns_s: of each order that arrived after the warm time and came out.
        times_s: when the queues were looked at.
        queues: by stage, how many waited then.
        arrived, done: orders that had come in and out by each of these times.
    """

    sojourns_s: list[float] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    queues: dict[str, list[int]] = field(default_factory=dict)
    arrived: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def quantile_s(self, percent: int) -> float:
        """A quantile of the sojourns."""
        return statistics.quantiles(self.sojourns_s, n=100)[percent - 1]


def constant(fixed_s: float, each_s: float = 0.0) -> Service:
    """Always as long, and longer by so much for each order."""
    return lambda chance, size: fixed_s + each_s * size


def varied(fixed_s: float, each_s: float = 0.0, variation: float = 0.5) -> Service:
    """Of that mean, from a lognormal distribution with this coefficient of variation, as calls over a network are."""
    sigma = math.sqrt(math.log(1 + variation**2))
    return lambda chance, size: (fixed_s + each_s * size) * chance.lognormvariate(-(sigma**2) / 2, sigma)


def exponential(mean_s: float) -> Service:
    """Without memory, for M/M/1."""
    return lambda chance, size: chance.expovariate(1 / mean_s)


def observed(samples_s: Sequence[float]) -> Service:
    """One of the times that were measured."""
    return lambda chance, size: chance.choice(samples_s)


def simulate(
    stages: Sequence[Stage],
    rate: float,
    seconds: float,
    seed: int,
    *,
    warm_s: float = 0.0,
    tick_s: float = 0.0,
    look_s: float = 1.0,
    faults: Sequence[Fault] = (),
) -> Outcome:
    """Send orders through the stages for `seconds`.

    Args:
        rate: orders a second, at random times (Poisson).
        warm_s: orders that arrive before are not among the sojourns.
        tick_s: orders of a tick arrive together at its end, which is faster; 0 for each at its own time.
        look_s: how often the queues are looked at.
    """
    environment, chance, outcome = simpy.Environment(), random.Random(seed), Outcome()  # noqa: S311 - reproducible
    arrived = done = 0

    def leave(orders: list[float]) -> None:
        nonlocal done
        done += len(orders)
        outcome.sojourns_s.extend(environment.now - order for order in orders if order >= warm_s)

    push, desks, shared = leave, [], simpy.Resource(environment)
    for stage in reversed(stages):
        own = [fault for fault in faults if fault.stage == stage.name]
        desk = _Desk(environment, stage, chance, push, own, shared if stage.shared else None)
        desks.append(desk)
        push = desk.push

    def arrive() -> _Steps:
        nonlocal arrived
        while True:
            if tick_s:
                yield environment.timeout(tick_s)
                orders = [environment.now - tick_s * chance.random() for _ in range(_poisson(chance, rate * tick_s))]
            else:
                yield environment.timeout(chance.expovariate(rate))
                orders = [environment.now]
            arrived += len(orders)
            if orders:
                push(orders)

    def look() -> _Steps:
        while True:
            outcome.times_s.append(environment.now)
            outcome.arrived.append(arrived)
            outcome.done.append(done)
            for desk in desks:
                outcome.queues.setdefault(desk.stage.name, []).append(len(desk.waiting))
            yield environment.timeout(look_s)

    environment.process(arrive())
    environment.process(look())
    environment.run(until=seconds)
    outcome.queues = {stage.name: outcome.queues[stage.name] for stage in stages}
    return outcome


class _Desk:
    """A stage at work. An order is the time at which it arrived at the first stage."""

    def __init__(
        self,
        environment: simpy.Environment,
        stage: Stage,
        chance: random.Random,
        onward: Callable[[list[float]], None],
        faults: Sequence[Fault],
        shared: simpy.Resource | None,
    ) -> None:
        self.stage = stage
        self.waiting: deque[tuple[float, float]] = deque()
        self._environment, self._chance, self._onward, self._faults = environment, chance, onward, faults
        self._shared = shared
        self._idle: list[simpy.Event] = []
        self._full = environment.event()
        for _ in range(stage.servers):
            environment.process(self._serve())

    def push(self, orders: list[float]) -> None:
        """Take orders from the stage before."""
        now = self._environment.now
        self.waiting.extend((now, order) for order in orders)
        for _ in range(min(len(self._idle), math.ceil(len(self.waiting) / self.stage.batch))):
            self._idle.pop().succeed()
        if len(self.waiting) >= self.stage.batch and not self._full.triggered:
            self._full.succeed()

    def _serve(self) -> _Steps:
        environment, stage = self._environment, self.stage
        while True:
            while not self.waiting:
                called = environment.event()
                self._idle.append(called)
                yield called
            fault_s = self._fault_s()
            if fault_s > 0:
                yield environment.timeout(fault_s)
                continue
            window_s = self._window_s()
            if window_s > 0:
                if self._full.triggered:
                    self._full = environment.event()
                yield environment.timeout(window_s) | self._full
                continue
            batch = [self.waiting.popleft()[1] for _ in range(min(stage.batch, len(self.waiting)))]
            service_s = stage.service(self._chance, len(batch))
            if self._shared is None:
                yield environment.timeout(service_s)
            else:
                with self._shared.request() as turn:
                    yield turn
                    yield environment.timeout(service_s)
            if stage.delay_s:
                sent = environment.timeout(stage.delay_s, batch)
                sent.callbacks.append(lambda event: self._onward(event.value))
            else:
                self._onward(batch)

    def _fault_s(self) -> float:
        """Seconds until a fault is over; 0 if there is none."""
        now = self._environment.now
        return next((fault.end_s - now for fault in self._faults if fault.begin_s <= now < fault.end_s), 0.0)

    def _window_s(self) -> float:
        """Seconds for which a batch may still wait for more; 0 if it is to be taken."""
        if len(self.waiting) >= self.stage.batch:
            return 0.0
        left = self.waiting[0][0] + self.stage.window_s - self._environment.now
        # Less than a rounding of the clock is nothing, or it would wait for ever.
        return left if left > 1e-9 else 0.0


def _poisson(chance: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    left, count = math.exp(-mean), 0
    product = chance.random()
    while product > left:
        product *= chance.random()
        count += 1
    return count
