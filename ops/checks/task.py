"""The task that reads the log: whether it runs, and why not."""

from __future__ import annotations

from ops.capture import describe
from ops.checks.check import Finding, Report, Scene

_ON_ITS_WAY = frozenset({"starting", "modifying", "creating", "moving", "testing"})


def look(scene: Scene) -> Report:
    """Look at the task as DMS describes it ("DescribeReplicationTasks")."""
    try:
        task = describe(scene.aws)
    except scene.aws.client("dms").exceptions.ResourceNotFoundFault:
        return Report("is not there", (Finding("there is no replication task", scene.deploy),))
    status = str(task["Status"])
    why = str(task.get("LastFailureMessage") or task.get("StopReason") or "")
    errored = int(task.get("ReplicationTaskStats", {}).get("TablesErrored", 0))
    data = {"status": status, "reason": why, "tables_errored": errored}
    says = f"{task['ReplicationTaskIdentifier']} is {status}"
    if errored:
        remedy = f"{scene.ops('capture reload')}; the task's log says why"
        return Report(says, (Finding(f"{errored} tables are in error", remedy),), data)
    if status == "running":
        return Report(says, (), data)
    last_words = f": {_last_line(why)}" if why else ""
    if status in _ON_ITS_WAY:
        remedy = f"wait a minute and look again: {scene.ops('doctor')}"
    elif status.startswith("failed"):
        remedy = f"{scene.ops('capture start')}; if the slot is gone as well: {scene.ops('capture reload')}"
    else:
        remedy = scene.ops("capture start")
    return Report(says, (Finding(f"the task is {status}{last_words}", remedy),), data)


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:300] if text.strip() else ""
