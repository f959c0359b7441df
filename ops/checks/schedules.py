"""What runs by the clock: each schedule of the stack."""

from __future__ import annotations

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene


def look(scene: Scene) -> Report:
    """Look at each schedule as EventBridge Scheduler describes it ("GetSchedule")."""
    scheduler = scene.aws.client("scheduler")
    findings: list[Finding] = []
    states: dict[str, str] = {}
    for folder, name in scene.stack.ending("_schedule").items():
        with answering(scene.stack):
            try:
                found = scheduler.get_schedule(Name=name)
            except scheduler.exceptions.ResourceNotFoundException:
                states[folder] = "missing"
                findings.append(Finding(f"{folder} has no schedule and does not run", scene.deploy))
                continue
        states[folder] = found.get("State", "ENABLED")
        if states[folder] != "ENABLED":
            findings.append(Finding(f"the schedule of {folder} is {states[folder]}: it does not run", scene.deploy))
    says = ", ".join(f"{folder} {state}" for folder, state in states.items())
    return Report(says, tuple(findings), states)
