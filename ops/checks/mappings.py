"""What hands a queue's messages to its function: the event source mapping of each consumer."""

from __future__ import annotations

from typing import Any

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene
from ops.checks.subscriptions import arn_of

_OFF = frozenset({"Disabled", "Disabling"})
_FIT = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


def look(scene: Scene) -> Report:
    """Look at each consumer's mapping as Lambda lists it ("ListEventSourceMappings")."""
    functions = scene.aws.client("lambda")
    findings: list[Finding] = []
    data: dict[str, Any] = {}
    for consumer, url in scene.stack.ending("_queue_url").items():
        name = scene.stack.output(f"{consumer}_function")
        with answering(scene.stack):
            found = functions.list_event_source_mappings(FunctionName=name, EventSourceArn=arn_of(scene, url))
        mappings = found["EventSourceMappings"]
        data[consumer] = [{"uuid": one["UUID"], "state": one["State"]} for one in mappings]
        if not mappings:
            findings.append(Finding(f"nothing hands the messages of {consumer} to its function", scene.deploy))
        for one in mappings:
            state, problem = one["State"], str(one.get("LastProcessingResult") or "")
            if state in _OFF:
                enable = scene.cli(f"lambda update-event-source-mapping --uuid {one['UUID']} --enabled")
                findings.append(Finding(f"the event source mapping of {consumer} is {state}", enable))
            elif state not in _FIT:
                findings.append(Finding(f"the event source mapping of {consumer} is {state}", scene.deploy))
            elif problem.startswith("PROBLEM"):
                findings.append(Finding(f"the queue of {consumer} is not read: {problem}", scene.logs(consumer)))
    says = ", ".join(f"{name}: {'/'.join(one['state'] for one in ones) or 'none'}" for name, ones in data.items())
    return Report(says, tuple(findings), data)
