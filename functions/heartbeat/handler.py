"""Takes a heartbeat: on a schedule, and when `ops doctor` asks for one.

Invoked with {"wait_ms": n} (optional, 0 to 30000): how long to wait for the beat to arrive. Answers {"beat", "arrived",
"newest", "lag_ms"}. A failure is raised, so that it counts as an error of the function.

Metric: HeartbeatLag, milliseconds from a beat's commit to its arrival in the read model; for as long as one is missing,
the time that it has been on its way. No data is a bad sign as well, and its alarm takes it so.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from functions.common.cache import Cache, connect
from functions.common.database import Database, login
from functions.common.secret_store import SecretStore
from functions.common.settings import CacheSettings, DatabaseSettings, Environment, LoginSettings
from functions.common.telemetry import MetricUnit, logger, metrics
from functions.heartbeat.beat import Source, Target, take_heartbeat
from functions.heartbeat.store import CachedBeats, PostgresBeats

# The function has time for this wait, and for logins to both servers.
LONGEST_WAIT_MS = 30_000


@cache
def source() -> Source:
    """The database that the environment names; its connection outlives invocations."""
    environment = Environment()
    settings = DatabaseSettings.read(environment)
    return PostgresBeats(Database(settings, login(LoginSettings.read(environment), settings, SecretStore())))


@cache
def target() -> Target:
    """The read model that the environment names; its connection outlives invocations."""
    return CachedBeats(Cache(connect(CacheSettings.read(Environment()))))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    found = take_heartbeat(source(), target(), wait(event))
    metrics.add_metric(name="HeartbeatLag", unit=MetricUnit.Milliseconds, value=found.lag_ms)
    metrics.flush_metrics()
    log = logger.info if found.arrived else logger.warning
    log("heartbeat", extra=asdict(found))
    return asdict(found)


def wait(event: object) -> int:
    """How long to wait, in milliseconds; raises ValueError for what is no number in bounds."""
    wanted = event.get("wait_ms", 0) if isinstance(event, dict) else 0
    if type(wanted) is not int or not 0 <= wanted <= LONGEST_WAIT_MS:
        raise ValueError(f"wait_ms is {wanted!r}: give whole milliseconds from 0 to {LONGEST_WAIT_MS}.")
    return wanted
