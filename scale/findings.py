"""All that the page and the plots show, computed once: capacities, latencies, queues, the twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from infra.config import Config
from scale.line import PIPE, on_aws, on_the_twin
from scale.parts import Part, first, parts
from scale.simulation import Fault, Outcome, Stage, simulate
from scale.steps import CELL_RATE, REGION, Step, config_of, steps
from scale.twin_run import Step as TwinStep
from scale.twin_run import TwinRun, read
from tests.infra.graph import settings_of

SEED = 20261121
# Shares of the first stage's capacity that is saturated.
SHARES = (0.5, 0.9, 1.0, 1.2)
FAULT_SHARES = (0.3, 0.6, 0.8)
FAULT_BEGIN_S, FAULT_S = 30.0, 60.0
_SATURATION_S, _CATCH_UP_S, _TWIN_S = 120.0, 400.0, 150.0
_TICK_S = 0.01
_WARM_S = 5.0
_SLOW = 100
# Every key as high as the program takes it.
LARGEST = {
    "region": REGION,
    "apiRate": "10000",
    "apiBurst": "5000",
    "databaseMinAcu": "8",
    "databaseMaxAcu": "256",
    "streamMode": "PROVISIONED",
    "streamShards": "500",
    "pipeParallelization": "10",
    "prunePerSecond": "10000",
    "consumerConcurrency": "1000",
    "placeOrderConcurrency": "0",
    # Of the two nodes of Pulumi.prod.yaml each: as many as a group has.
    "cacheShards": "45",
}


@dataclass(frozen=True)
class Latency:
    """From commit to read model, in seconds, at a share of what limits first."""

    share: float
    p50_s: float
    p99_s: float


@dataclass(frozen=True)
class Sized:
    """A step with the configuration that it runs with, its parts, and its latency at its own rate."""

    step: Step
    config: Config
    parts: list[Part]
    latency: Latency


@dataclass(frozen=True)
class TwinCheck:
    """The model of the twin beside the twin, at one rate: both in ms."""

    seen: TwinStep
    p50_ms: float
    p99_ms: float


def stack_config(stack: str) -> Config:
    """What a stack's file says, and nothing else."""
    return config_of(stack, {}, settings_of(stack))


def largest() -> Config:
    """The largest single stack."""
    return config_of("prod", LARGEST, settings_of("prod"))


@cache
def sized() -> list[Sized]:
    """All steps."""
    found: dict[float, Latency] = {}
    result = []
    for step in steps():
        config = config_of(step.stack, step.settings, settings_of(step.stack))
        own = parts(config)
        # Several stacks are alike, and loaded nearly as much as one takes.
        rate = min(step.rate, CELL_RATE)
        if rate not in found:
            outcome = _simulate(config, rate, 20.0 if rate > _SLOW else 120.0)
            found[rate] = Latency(rate / first(own).capacity, outcome.quantile_s(50), outcome.quantile_s(99))
        result.append(Sized(step, config, own, found[rate]))
    return result


def _simulate(config: Config, rate: float, seconds: float) -> Outcome:
    return simulate(on_aws(config), rate, seconds, SEED, warm_s=_WARM_S, tick_s=_TICK_S)


def pipe_capacity(config: Config) -> float:
    """Orders a second of the pipe, which is what a small stack's queue builds up before."""
    return next(part.capacity for part in parts(config) if part.name.startswith("pipe"))


@cache
def saturation() -> dict[float, Outcome]:
    """The dev stack below, at and above what its pipe carries."""
    config = stack_config("dev")
    return {
        share: simulate(on_aws(config), share * pipe_capacity(config), _SATURATION_S, SEED, tick_s=_TICK_S)
        for share in SHARES
    }


@cache
def faults() -> dict[float, Outcome]:
    """The dev stack, whose pipe gets nothing done for a minute, at shares of what it carries."""
    config = stack_config("dev")
    fault = Fault(PIPE, FAULT_BEGIN_S, FAULT_BEGIN_S + FAULT_S)
    return {
        share: simulate(
            on_aws(config), share * pipe_capacity(config), _CATCH_UP_S, SEED, tick_s=_TICK_S, faults=[fault]
        )
        for share in FAULT_SHARES
    }


def recovered_s(outcome: Outcome, stage: str = PIPE) -> float:
    """Seconds from the end of the fault until the queue is no longer than before it."""
    before = max(
        length for at, length in zip(outcome.times_s, outcome.queues[stage], strict=True) if at < FAULT_BEGIN_S
    )
    end = FAULT_BEGIN_S + FAULT_S
    return next(
        at - end
        for at, length in zip(outcome.times_s, outcome.queues[stage], strict=True)
        if at > end and length <= before
    )


@cache
def twin_checks(run: TwinRun | None = None) -> list[TwinCheck]:
    """The twin's quietest rate makes the stages; the model then tells what the other rates ought to take."""
    known = run or read()
    stages = on_the_twin(known.steps[0])
    return [_check(stages, step) for step in known.steps]


def _check(stages: Sequence[Stage], seen: TwinStep) -> TwinCheck:
    outcome = simulate(stages, seen.rate, _TWIN_S, SEED, warm_s=_WARM_S)
    return TwinCheck(seen, outcome.quantile_s(50) * 1e3, outcome.quantile_s(99) * 1e3)
