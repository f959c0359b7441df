"""Figures that the model stands on, each with where it is from and how far it is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Trust = Literal["verified", "unsure", "measured", "assumed"]

# What the words mean, for the page.
TRUST: dict[Trust, str] = {
    "verified": "read in AWS's own documentation or API model",
    "unsure": "AWS's figure as third parties or memory have it; look it up in Service Quotas before you rely on it",
    "measured": "by a benchmark of this repository, on two cores of an AMD EPYC that had no other work",
    "assumed": "nobody has measured it on AWS for this program; measure it before you rely on it",
}


@dataclass(frozen=True)
class Fact:
    """One figure."""

    value: float
    unit: str
    what: str
    trust: Trust
    source: str


@dataclass(frozen=True)
class Facts:
    """All figures; a test or a reader with better ones replaces some."""

    api_rate: Fact = Fact(
        10_000,
        "calls/s",
        "API Gateway, an account in a region",
        "unsure",
        "API Gateway quotas; some regions have 2,500",
    )
    lambda_concurrency: Fact = Fact(
        1_000, "environments", "Lambda, an account in a region; a new one may have 10", "unsure", "Lambda quotas"
    )
    lambda_rate: Fact = Fact(
        10, "calls/s", "one environment of a function that is waited for", "unsure", "Lambda quotas"
    )
    write_us: Fact = Fact(
        393, "us", "server's processor for an order, in the database", "measured", "`make bench ONLY=orders`"
    )
    acu_per_processor: Fact = Fact(
        4, "ACU", "of one processor: an ACU has 2 GiB, an r6g has 8 GiB a processor", "unsure", "inferred"
    )
    log_bytes: Fact = Fact(2_267, "bytes", "of transaction log for an order", "measured", "`make bench ONLY=slot`")
    commit_ms: Fact = Fact(4, "ms", "that an order holds its client's row on Aurora", "assumed", "")
    walsender_us: Fact = Fact(
        66.5, "us", "walsender's processor for an order, test_decoding", "measured", "`make bench ONLY=slot`"
    )
    walsender_published_us: Fact = Fact(
        31, "us", "the same if the plugin sends the outbox alone", "measured", "`make bench ONLY=slot`"
    )
    rows_per_order: Fact = Fact(
        8,
        "rows",
        "written for an order (itself, two lines, client, event, idempotency record) and later removed (the last two)",
        "verified",
        "migrations/0003_place_order.sql, 0007_pruning.sql",
    )
    capture_rows: Fact = Fact(
        34_000,
        "rows/s",
        "a DMS task reads: as fast as Debezium in `make bench ONLY=capture`",
        "assumed",
        "AWS gives no figure",
    )
    capture_ms: Fact = Fact(
        1_000,
        "ms",
        "for which DMS gathers changes at most (CommitTimeout)",
        "verified",
        "task settings; its effect is inferred",
    )
    shard_records: Fact = Fact(1_000, "records/s", "into a shard", "verified", "PutRecords in botocore")
    shard_bytes: Fact = Fact(2**20, "bytes/s", "into a shard", "verified", "PutRecords in botocore")
    record_bytes: Fact = Fact(1_500, "bytes", "of an event's record", "assumed", "as in docs/cost.md")
    deletion_bytes: Fact = Fact(500, "bytes", "of the record of its deletion, when the event is pruned", "assumed", "")
    pipe_concurrency: Fact = Fact(
        1_000, "executions", "of pipes at once, an account in a region", "verified", "EventBridge user guide of 2023"
    )
    pipe_batch: Fact = Fact(10, "messages", "to a topic or queue at once", "verified", "EventBridge user guide")
    pipe_read_ms: Fact = Fact(
        125, "ms", "until a pipe sees a record, polling a shard four times a second", "unsure", ""
    )
    publish_ms: Fact = Fact(30, "ms", "of a pipe for a batch", "assumed", "")
    deliver_ms: Fact = Fact(30, "ms", "from the topic to the consumer's poller", "assumed", "")
    in_flight: Fact = Fact(
        120_000, "messages", "received and not yet deleted, a queue", "verified", "ReceiveMessage in botocore"
    )
    consumer_concurrency: Fact = Fact(
        1_000, "invocations", "of one event source mapping", "verified", "ScalingConfig in botocore"
    )
    invoke_ms: Fact = Fact(10, "ms", "for a batch, besides its events", "assumed", "half of what docs/cost.md bills")
    project_us: Fact = Fact(
        17.3, "us", "of the projector for an event, in batches of 100", "measured", "`make bench ONLY=projection`"
    )
    cache_writes: Fact = Fact(
        276_000, "commands/s", "compare and set, one Valkey, client that only sends", "measured", "by hand, 2026-11"
    )
    cache_connections: Fact = Fact(65_000, "connections", "of a node", "unsure", "ElastiCache quotas")

    def table(self) -> list[tuple[str, Fact]]:
        """All figures by name."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


# Messages a second that an account may publish in a region ("Amazon SNS endpoints and quotas", as third parties have
# it), and in all that are not here.
TOPIC_RATE = {"us-east-1": 30_000, "us-west-2": 9_000, "eu-west-1": 9_000, "eu-central-1": 1_500}
TOPIC_RATE_ELSEWHERE = 300
