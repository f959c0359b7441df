"""What a step costs a month: the program's own graph and prices, the step's rate all month long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from cost.idle import HOURS, idle
from cost.orders import Assumptions, per_million
from cost.prices import table, total
from infra.config import Config
from scale.facts import Facts
from scale.steps import CELL_RATE, Step
from tests.infra.graph import run

_SECONDS = Decimal(730 * 3600)
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Bill:
    """US dollars: of one stack that is idle for a month, of a million orders there, and of all stacks at full rate."""

    idle: Decimal
    million: Decimal
    month: Decimal


def bill(step: Step) -> Bill:
    """Price a step.

    Raises:
        CostError: the price table lacks something.
    """
    standing, million = _cell(step.stack, tuple(step.settings.items()), min(step.rate, CELL_RATE))
    orders = Decimal(str(step.cell_rate)) * _SECONDS / _MILLION
    return Bill(standing, million, step.cells * (standing + orders * million))


def shard_price(config: Config) -> Decimal:
    """US dollars a month for one shard of the cache."""
    return HOURS * config.cache_nodes * table()[config.cache_node_type].usd


@cache
def _cell(stack: str, settings: tuple[tuple[str, str], ...], rate: float) -> tuple[Decimal, Decimal]:
    facts, values = Facts(), dict(settings)
    graph = run(stack=stack, settings={f"orders:{key}": value for key, value in settings})
    busy = rate * facts.write_us.value / 1e6 * facts.acu_per_processor.value
    more = max(0, math.ceil(busy - float(values["databaseMinAcu"])))
    return total(idle(graph)), total(per_million(graph, Assumptions(rate=max(1, round(rate)), more_acu=more)))
