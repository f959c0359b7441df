"""Figures that a service gives in its metrics only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ops.aws import answering
from ops.checks.check import Scene

# CloudWatch has them some minutes late.
_BACK = timedelta(minutes=15)


def newest(scene: Scene, namespace: str, metric: str, dimension: str, value: str) -> float | None:
    """The last maximum of a minute; None if there is none, which is so on the twin.

    Source: "GetMetricStatistics" (Amazon CloudWatch API reference). Raises Unreachable.
    """
    if scene.stack.twin is not None:
        return None
    now = datetime.now(UTC)
    with answering(scene.stack):
        answer = scene.aws.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=now - _BACK,
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Maximum"]) if points else None
