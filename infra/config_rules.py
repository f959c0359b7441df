"""Pairs of values that cannot be: each fine alone, together refused by AWS or without effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.config import Config

# SQS asks for a window above this batch size ("CreateEventSourceMapping").
_BATCH_WITHOUT_WINDOW = 10
_HOUR = 3600
_KEY = re.compile(r"{p}:(\w+)")
# What a query needs besides waiting, in milliseconds.
_ANSWER_MS = 1000

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
        lambda c: c.read_wait_ms + _ANSWER_MS > c.api_timeout * 1000,
        "{p}:readWaitMs leaves less than a second of {p}:apiTimeout to answer in.",
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
        lambda c: c.final_snapshot and not c.deletion_protection,
        "{p}:finalSnapshot without {p}:deletionProtection keeps a copy of data that anybody may delete: "
        "set both or neither.",
    ),
)


def impossible_pairs(config: Config, project: str, without: Collection[str] = ()) -> list[str]:
    """Say which pairs of values cannot be, one sentence each; empty when all is well.

    Args:
        without: keys that are wrong by themselves, so that no rule about them says anything.
    """
    return [
        message.format(p=project)
        for broken, message in _RULES
        if not set(_KEY.findall(message)).intersection(without) and broken(config)
    ]
