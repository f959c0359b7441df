"""The read model: whether it answers, can be written, has room, and has not been emptied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.checks.check import Finding, Report, Scene, size, span

MOST_USED = 0.8


def look(scene: Scene) -> Report:
    """Look at the cache as the function inspect_stores sees it."""
    found = scene.store("cache")
    if "error" in found:
        group = scene.cli(
            f"elasticache describe-replication-groups --replication-group-id {scene.stack.output('cache_name')}"
        )
        remedy = "restart the twin: " + scene.deploy if scene.stack.twin else f"see how its nodes are: {group}"
        return Report("does not answer", (Finding(str(found["error"]), remedy),))
    database = scene.store("database")
    beat = found["heartbeat"]
    says = (
        f"version {found['version']}, {found['role']}, {size(found['memory_used'])} used, {found['keys']} keys, "
        f"last heartbeat {'never' if beat is None else span(beat['age_s']) + ' ago'}"
    )
    # Keys are more than clients: most have orders as well. Fewer are a sure sign.
    findings = _findings(scene, found, clients=database.get("clients"))
    return Report(says, tuple(findings), dict(found))


def _findings(scene: Scene, found: Mapping[str, Any], clients: int | None) -> Iterator[Finding]:
    rebuild = f"{scene.ops('rebuild')}, while orders keep coming"
    if found["role"] != "master":
        yield Finding(
            f"the server is a {found['role']} and takes no writes: a failover is under way",
            f"wait a minute and look again: {scene.ops('doctor')}",
        )
    most = found["memory_max"]
    if most and found["memory_used"] >= MOST_USED * most:
        yield Finding(
            f"{size(found['memory_used'])} of {size(most)} memory are used",
            "take a larger cacheNodeType: `pulumi config set cacheNodeType ...`, `pulumi up`",
        )
    if found["evicted_keys"]:
        yield Finding(
            f"{found['evicted_keys']} keys were evicted since the server started: clients are missing",
            f"take a larger cacheNodeType, then {rebuild}",
        )
    if clients is not None and found["keys"] < clients:
        yield Finding(f"{found['keys']} keys for {clients} clients: the cache was emptied", rebuild)
    if found["heartbeat"] is None:
        yield Finding(
            "no heartbeat is in it: none ever arrived, or the cache was emptied",
            f"{rebuild}; if the stack is new, wait a minute and look again",
        )
