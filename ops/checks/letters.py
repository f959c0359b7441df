"""The dead-letter queues: what could not be delivered or handled."""

from __future__ import annotations

from ops.checks.check import Finding, Report, Scene
from ops.dead_letters import count, queues


def look(scene: Scene) -> Report:
    """Count the letters of every dead-letter queue of the stack."""
    counts = {each.name: count(scene.aws, each) for each in queues(scene.aws)}
    findings = tuple(
        Finding(
            f"{letters} {'letter' if letters == 1 else 'letters'} in the dead-letter queue {name}",
            f"{scene.ops(f'dlq show {name}')} says why; when that is mended, {scene.ops(f'dlq redrive {name}')}",
        )
        for name, letters in counts.items()
        if letters
    )
    return Report(f"{sum(counts.values())} letters in {len(counts)} queues", findings, counts)
