"""What each part of the system carries under a configuration, and so which one limits first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cost.orders import Assumptions
from infra.config import Config
from infra.config_rules import max_connections
from scale.facts import TOPIC_RATE, TOPIC_RATE_ELSEWHERE, Facts

READS = Assumptions().reads
_OTHER_CONNECTIONS = 20


@dataclass(frozen=True)
class Part:
    """Something that an order passes.

    Attributes:
        capacity: orders a second.
        keys: of Pulumi.yaml that raise it; none if only AWS or another design can.
        sure: whether no figure in it is unsure or assumed.
    """

    name: str
    capacity: float
    keys: tuple[str, ...]
    sure: bool = False


def parts(config: Config, facts: Facts | None = None) -> list[Part]:
    """The parts in the order in which an order, its event and its readers meet them."""
    f = facts or Facts()
    calls = 1 + READS
    environments = f.lambda_concurrency.value
    placing = min(environments / calls, config.place_order_concurrency or environments)
    connections = max_connections(config.database_min_acu, config.database_max_acu) - _OTHER_CONNECTIONS
    processors = config.database_max_acu / f.acu_per_processor.value
    record = f.record_bytes.value + f.deletion_bytes.value
    # Each event is in the stream twice: when it is written, and when its row is pruned.
    shard = min(f.shard_records.value / 2, f.shard_bytes.value / record)
    executions = min(config.stream_shards * config.pipe_parallelization, f.pipe_concurrency.value)
    batch = f.invoke_ms.value / 1e3 + config.consumer_batch_size * f.project_us.value / 1e6
    return [
        Part("API, calls", min(config.api_rate, f.api_rate.value) / calls, ("apiRate", "apiBurst")),
        Part("functions of the API", placing * f.lambda_rate.value, ("placeOrderConcurrency",)),
        Part("database connections", connections * f.lambda_rate.value, ("databaseMinAcu", "databaseMaxAcu")),
        Part("Aurora writer, processor", processors * 1e6 / f.write_us.value, ("databaseMaxAcu",)),
        Part("slot, its one walsender", 1e6 / f.walsender_us.value, (), sure=True),
        Part("DMS task", f.capture_rows.value / f.rows_per_order.value, ("captureClass",)),
        Part("stream, shards", config.stream_shards * shard, ("streamShards", "streamMode")),
        Part("pruning", config.prune_per_second, ("prunePerSecond",), sure=True),
        Part(
            "pipe, executions",
            executions * config.pipe_batch_size * 1e3 / f.publish_ms.value,
            ("streamShards", "pipeParallelization", "pipeBatchSize"),
        ),
        Part("topic, publishing", TOPIC_RATE.get(config.region, TOPIC_RATE_ELSEWHERE), ("region",)),
        Part("queue, in flight", f.in_flight.value / batch, ()),
        Part(
            "projector",
            min(config.consumer_concurrency, f.consumer_concurrency.value) * config.consumer_batch_size / batch,
            ("consumerConcurrency", "consumerBatchSize"),
        ),
        Part("cache, commands", config.cache_shards * f.cache_writes.value / calls, ("cacheShards", "cacheNodeType")),
        Part("cache, connections", f.cache_connections.value * f.lambda_rate.value / READS, ("cacheNodes",)),
    ]


def first(found: Sequence[Part]) -> Part:
    """The part that limits first."""
    return min(found, key=lambda part: part.capacity)


def below(found: Sequence[Part], rate: float) -> list[Part]:
    """The parts that carry less than a rate, the least first."""
    return sorted((part for part in found if part.capacity < rate), key=lambda part: part.capacity)
