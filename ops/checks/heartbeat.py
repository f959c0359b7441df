"""The whole way, from the outbox to the read model: one event of its own, and how long it takes."""

from __future__ import annotations

from contextlib import suppress

from ops.checks.check import Finding, Report, Scene, span
from ops.errors import OpsError
from ops.functions import invoke

WAIT_MS = 20_000


def look(scene: Scene) -> Report:
    """Send a heartbeat and wait for it. Raises FunctionFailed, OutputMissing, Unreachable."""
    # What the cache holds is looked at before this beat is in it. If it cannot be, another check says so.
    with suppress(OpsError):
        scene.store("cache")
    found = invoke(scene.aws, "heartbeat", {"wait_ms": WAIT_MS})
    lag_ms = int(found["lag_ms"])
    if not found["arrived"]:
        since = span(lag_ms / 1000)
        wrong = f"a heartbeat has not arrived within {WAIT_MS // 1000} s; the oldest missing one left {since} ago"
        remedy = (
            "mend the first thing above that is wrong; if all of it is well, read the projector's log: "
            f"{scene.logs('project_clients')}"
        )
        return Report("does not arrive", (Finding(wrong, remedy),), found)
    says = f"{lag_ms} ms from the outbox to the read model"
    limit = scene.number("alarm_lag_seconds")
    if lag_ms >= limit * 1000:
        wrong = f"it took {span(lag_ms / 1000)} (bound: {limit} s)"
        remedy = "something above lags; it may be catching up: look again in a minute"
        return Report(says, (Finding(wrong, remedy),), found)
    return Report(says, (), found)
