"""What no single value can tell: pairs that AWS refuses or that have no effect, and regions without a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from infra.regions import WITHOUT_MAIL, region_problem

if TYPE_CHECKING:
    from infra.config import Config

# SQS asks for a window above this batch size ("CreateEventSourceMapping").
_BATCH_WITHOUT_WINDOW = 10
_HOUR = 3600
# Records that a shard takes in a second ("PutRecords").
_SHARD_RECORDS = 1000
# Nodes of a replication group with cluster mode on, unless the account's quota was raised ("CreateReplicationGroup").
_GROUP_NODES = 90
_KEY = re.compile(r"{p}:(\w+)")
# What a query needs besides waiting, in milliseconds.
_ANSWER_MS = 1000
# Connections besides those of place_order and administer: the server's own, DMS, migrations, the rarer functions.
_OTHER_CONNECTIONS = 20

Rule = tuple[Callable[["Config"], bool], str]

_RULES: tuple[Rule, ...] = (
    (
        lambda c: c.database_min_acu > c.database_max_acu,
        "{p}:databaseMinAcu is above {p}:databaseMaxAcu.",
    ),
    (
        lambda c: c.database_auth == "iam" and c.database_ssl_mode == "disable",
        "{p}:databaseAuth iam needs TLS: set {p}:databaseSslMode to require or verify-full.",
    ),
    (
        lambda c: c.database_ssl_mode == "verify-full" and c.database_ssl_root_cert is None,
        "{p}:databaseSslMode verify-full needs {p}:databaseSslRootCert, "
        "the path in this repository of the certificate bundle to trust.",
    ),
    (
        lambda c: c.database_ssl_root_cert is not None and c.database_ssl_mode != "verify-full",
        "{p}:databaseSslRootCert has no effect unless {p}:databaseSslMode is verify-full.",
    ),
    (
        lambda c: c.cache_multi_az and c.cache_nodes == 1,
        "{p}:cacheMultiAz needs {p}:cacheNodes of 2 or more.",
    ),
    (
        lambda c: c.cache_shards * c.cache_nodes > _GROUP_NODES,
        "{p}:cacheShards times {p}:cacheNodes is more than the 90 nodes that ElastiCache gives one group.",
    ),
    (
        lambda c: c.cache_auth == "iam" and not c.cache_tls,
        "{p}:cacheAuth iam needs {p}:cacheTls true.",
    ),
    (
        lambda c: c.pipe_max_age_seconds > c.stream_retention_hours * _HOUR,
        "{p}:pipeMaxAgeSeconds is longer than {p}:streamRetentionHours: "
        "a record would be gone from the stream before the pipe gives it up.",
    ),
    (
        lambda c: c.consumer_batch_size > _BATCH_WITHOUT_WINDOW and c.consumer_window_seconds < 1,
        "{p}:consumerBatchSize above 10 needs {p}:consumerWindowSeconds of 1 or more.",
    ),
    (
        lambda c: c.stream_mode == "PROVISIONED" and 2 * c.prune_per_second > _SHARD_RECORDS * c.stream_shards,
        "{p}:prunePerSecond would fill more than half of what {p}:streamShards take in a second, and orders would wait "
        "behind deletions.",
    ),
    (
        lambda c: c.read_wait_ms + _ANSWER_MS > c.api_timeout * 1000,
        "{p}:readWaitMs leaves less than a second of {p}:apiTimeout to answer in.",
    ),
    (
        lambda c: c.mail_sender is not None and c.region in WITHOUT_MAIL and not c.region_is_new,
        "{p}:mailSender needs SES, which {p}:region has not, as far as this version of the program knows: "
        "take another region, leave the sender out, or, if AWS has it there by now, set {p}:regionIsNew.",
    ),
    (
        lambda c: c.mail_identity is not None and not _is_identity_of(c.mail_identity, c.mail_sender),
        "{p}:mailIdentity must be the address in {p}:mailSender, its domain, or a domain above that.",
    ),
    (
        lambda c: bool(c.availability_zones) and len(set(c.availability_zones)) != c.zones,
        "{p}:availabilityZones must name as many different zones as {p}:zones says.",
    ),
    (
        lambda c: any(not zone.startswith(c.region) for zone in c.availability_zones),
        "{p}:availabilityZones names a zone outside {p}:region.",
    ),
    (
        lambda c: (
            c.place_order_concurrency + c.administer_concurrency + _OTHER_CONNECTIONS
            > max_connections(c.database_min_acu, c.database_max_acu)
        ),
        "{p}:placeOrderConcurrency and {p}:administerConcurrency would take more connections than the database has "
        "with {p}:databaseMaxAcu (and {p}:databaseMinAcu 0.5 allows 2000 at most): raise the capacity or lower "
        "the concurrency.",
    ),
)


def _is_identity_of(identity: str, sender: str | None) -> bool:
    if sender is None or identity == sender:
        return sender is not None
    # SES takes an identity for all that is below it, but never a whole top-level domain.
    domain = sender.rpartition("@")[2]
    return "." in identity and (domain == identity or domain.endswith(f".{identity}"))


def max_connections(min_acu: float, max_acu: float) -> int:
    """Connections that Aurora PostgreSQL Serverless v2 takes by default.

    189 for a largest capacity of 1 ACU, about 211 more for each further one, 5000 at most; 2000 at most where the
    smallest capacity is 0.5. Source: "Maximum connections for Aurora Serverless v2", whose table this line fits.
    """
    by_memory = int(189 + 211.4 * (max_acu - 1))
    return min(by_memory, 2000 if min_acu < 1 else 5000)


def impossible_pairs(config: Config, project: str, without: Collection[str] = ()) -> list[str]:
    """Say which pairs of values cannot be, one sentence each; empty when all is well.

    Args:
        without: keys that are wrong by themselves, so that no rule about them says anything.
    """
    found = [
        message.format(p=project)
        for broken, message in _RULES
        if not set(_KEY.findall(message)).intersection(without) and broken(config)
    ]
    wrong_region = region_problem(config.region, project, is_new=config.region_is_new)
    return [*found, wrong_region] if wrong_region and "region" not in without else found
