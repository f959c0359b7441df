"""The stream: whether it is there, and how long records wait in it."""

from __future__ import annotations

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene, span
from ops.checks.metrics import newest

_FIT = frozenset({"ACTIVE", "UPDATING"})


def look(scene: Scene) -> Report:
    """Look at the stream as Kinesis describes it ("DescribeStreamSummary")."""
    name = scene.stack.output("stream_name")
    kinesis = scene.aws.client("kinesis")
    with answering(scene.stack):
        try:
            found = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        except kinesis.exceptions.ResourceNotFoundException:
            remedy = f"{scene.deploy}, then {scene.ops('capture reload')}, as what was in it is gone"
            return Report("is not there", (Finding(f"there is no stream {name}", remedy),))
    status, hours = found["StreamStatus"], found["RetentionPeriodHours"]
    age_ms = newest(scene, "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", name)
    data = {
        "status": status, "open_shards": found["OpenShardCount"], "retention_hours": hours, "oldest_unread_ms": age_ms,
    }  # fmt: skip
    findings = []
    if status not in _FIT:
        findings.append(Finding(f"the stream is {status}", f"{scene.deploy}, then {scene.ops('capture reload')}"))
    if age_ms is not None and age_ms >= scene.number("alarm_lag_seconds") * 1000:
        pipe = scene.cli(f"pipes describe-pipe --name {scene.stack.output('pipe_name')}")
        wrong = f"records wait {span(age_ms / 1000)} in the stream, which keeps them {hours} h"
        findings.append(Finding(wrong, f"the pipe stands or is too slow: {pipe}"))
    return Report(f"{name} is {status}, {found['OpenShardCount']} shards, keeps {hours} h", tuple(findings), data)
