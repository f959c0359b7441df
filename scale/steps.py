"""From 10 to a million orders a second: how many stacks each step takes, and how each is configured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from infra.config import Config, load
from infra.names import Names
from scale.facts import Facts

STEPS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
# A stack is given no more than this: 60 % of what its DMS task carries, as far as is known.
CELL_RATE = 1_800
# Of each part's capacity.
HEADROOM = 0.6
# The price list's region, and the one with the largest quotas.
REGION = "us-east-1"
_SMALL = 100


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        rate: orders a second in all.
        cells: stacks of their own, each in an account of its own where quotas are shared.
        stack: whose Pulumi.<stack>.yaml the settings are added to.
        settings: keys of Pulumi.yaml, with values as text.
    """

    rate: int
    cells: int
    stack: str
    settings: Mapping[str, str]

    @property
    def cell_rate(self) -> float:
        """Orders a second of one stack."""
        return self.rate / self.cells


def steps() -> list[Step]:
    """All steps."""
    return [_step(rate) for rate in STEPS]


def _step(rate: int, facts: Facts | None = None) -> Step:
    f = facts or Facts()
    cells = math.ceil(rate / CELL_RATE)
    # Several stacks are alike, each for as much as one takes.
    own = rate if cells == 1 else CELL_RATE
    wanted = own / HEADROOM
    prune = max(200, math.ceil(wanted))
    shard = min(f.shard_records.value / 2, f.shard_bytes.value / (f.record_bytes.value + f.deletion_bytes.value))
    # The configuration's own rule: pruning may fill half of the stream at most.
    shards = max(1, math.ceil(wanted / shard), math.ceil(2 * prune / f.shard_records.value))
    publishing = wanted / (f.pipe_batch.value * 1e3 / f.publish_ms.value)
    acu = max(2.0, math.ceil(2 * wanted * f.write_us.value / 1e6 * f.acu_per_processor.value) / 2)
    settings = {
        "region": REGION,
        "apiRate": str(max(100, math.ceil(own * 3 / HEADROOM))),
        "apiBurst": str(min(5_000, max(200, math.ceil(own * 3)))),
        "placeOrderConcurrency": str(math.ceil(wanted / f.lambda_rate.value) if own > _SMALL else 0),
        "databaseMinAcu": str(max(0.5, acu / 4 if own > _SMALL else 0.5)),
        "databaseMaxAcu": f"{acu:g}",
        "captureClass": "dms.t3.medium" if own <= _SMALL else "dms.r6i.large",
        "streamMode": "PROVISIONED",
        "streamShards": str(shards),
        "prunePerSecond": str(prune),
        "pipeParallelization": str(max(1, math.ceil(publishing / shards))),
        "consumerConcurrency": str(max(2, math.ceil(wanted * f.invoke_ms.value / 1e3 / 5))),
        "cacheNodeType": "cache.t4g.micro" if own <= _SMALL else "cache.r7g.large",
    }
    settings["databaseMinAcu"] = f"{math.ceil(2 * float(settings['databaseMinAcu'])) / 2:g}"
    return Step(rate, cells, "dev" if own <= _SMALL else "prod", settings)


def config_of(stack: str, settings: Mapping[str, str], file: Mapping[str, str]) -> Config:
    """The configuration that the program would run with; `file` is what Pulumi.<stack>.yaml says.

    Raises:
        ConfigError: it refuses the values.
    """
    values = {key.partition(":")[2]: value for key, value in file.items()} | dict(settings)
    return load(values, Names("orders", stack, str(values.get("region", ""))))
