"""The write model: whether it answers, takes writes, and has connections left."""

from __future__ import annotations

from ops.checks.check import Finding, Report, Scene, span

MOST_USED = 0.8


def look(scene: Scene) -> Report:
    """Look at the database as the function inspect_stores sees it."""
    found = scene.store("database")
    if "error" in found:
        cluster = scene.cli(
            f"rds describe-db-clusters --db-cluster-identifier {scene.stack.output('database_cluster')}"
        )
        remedy = "restart the twin: " + scene.deploy if scene.stack.twin else f"see how the cluster is: {cluster}"
        return Report("does not answer", (Finding(str(found["error"]), remedy),))
    used, most = found["connections_used"], found["connections_max"]
    oldest = found["outbox_oldest_s"]
    says = f"PostgreSQL {found['version']}, {used} of {most} connections, {found['outbox_rows']} events in the outbox"
    if oldest is not None:
        says += f", the oldest {span(oldest)} old"
    findings = []
    if found["in_recovery"]:
        findings.append(
            Finding(
                "the server is in recovery and takes no writes: a failover is under way, or the endpoint is a reader's",
                f"wait a minute and look again: {scene.ops('doctor')}",
            )
        )
    if used >= MOST_USED * most:
        findings.append(
            Finding(
                f"{used} of {most} connections are used",
                "find out who holds them (`select usename, state, count(*) from pg_stat_activity group by 1, 2`), "
                "or raise databaseMaxAcu",
            )
        )
    data = {name: value for name, value in found.items() if name != "slots"}
    return Report(says, tuple(findings), data)
