"""The replication slot: whether one is there, read, whole, and keeps no more log than it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.checks.check import Finding, NotMade, Report, Scene, size


def look(scene: Scene) -> Report:
    """Look at all slots of the server: also one of another database keeps log."""
    database = scene.store("database")
    if "error" in database:
        raise NotMade("The database does not answer, so nobody knows of its slots: mend the database first.")
    slots = database["slots"]
    ours = [slot for slot in slots if slot["of_this_database"]]
    findings = list(_findings(scene, slots, ours))
    says = ", ".join(_says(slot) for slot in slots) or "there is none"
    return Report(says, tuple(findings), {"slots": slots})


def _findings(scene: Scene, slots: list[Mapping[str, Any]], ours: list[Mapping[str, Any]]) -> Iterator[Finding]:
    reload = f"{scene.ops('capture reload')} makes one and loads the outbox anew: nothing is lost"
    whole = [slot for slot in ours if slot["wal_status"] != "lost"]
    if not ours:
        yield Finding("there is no replication slot, so no event leaves the database", reload)
    elif not whole:
        yield Finding("the server has thrown away the log that the slot had not read", reload)
    elif not any(slot["active"] for slot in whole):
        yield Finding(
            "nobody reads the slot, and the database keeps its log from there on",
            f"{scene.ops('capture status')} says why the task does not; {scene.ops('capture start')}",
        )
    limit = scene.number("alarm_slot_bytes")
    for slot in slots:
        name, retained = slot["name"], slot["retained_bytes"] or 0
        stale = not slot["active"] and any(other["active"] for other in ours)
        if stale or (slot["wal_status"] == "lost" and whole):
            yield Finding(
                f"slot {name} is read by nobody and keeps {size(retained)} of log",
                f"if no task of yours owns it, drop it as the master user: `select pg_drop_replication_slot('{name}')`",
            )
        elif retained >= limit:
            yield Finding(
                f"slot {name} keeps {size(retained)} of log (bound: {size(limit)})",
                f"the task lags or stands: {scene.ops('capture status')}",
            )


def _says(slot: Mapping[str, Any]) -> str:
    kept = "no log left" if slot["retained_bytes"] is None else f"keeps {size(slot['retained_bytes'])}"
    return f"{slot['name']} ({slot['plugin']}) is {'read' if slot['active'] else 'not read'}, {kept}"
