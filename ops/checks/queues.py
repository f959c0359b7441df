"""The consumers' queues: how much waits in them, and for how long."""

from __future__ import annotations

import json
from typing import Any

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene, span
from ops.checks.metrics import newest
from ops.checks.subscriptions import arn_of

# Without an age (the twin has none): more than a consumer has in hand.
MOST_WAITING = 10_000
_ATTRIBUTES = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]


def look(scene: Scene) -> Report:
    """Look at each consumer's queue ("GetQueueAttributes", and the metric of its age)."""
    sqs, dead = scene.aws.client("sqs"), scene.stack.ending("_dead_letter_url")
    findings: list[Finding] = []
    data: dict[str, Any] = {}
    for consumer, url in scene.stack.ending("_queue_url").items():
        with answering(scene.stack):
            try:
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES)["Attributes"]
            except sqs.exceptions.QueueDoesNotExist:
                findings.append(
                    Finding(f"there is no queue of {consumer}", f"{scene.deploy}, then {scene.ops('capture reload')}")
                )
                continue
        waiting, in_hand = (int(found[name]) for name in _ATTRIBUTES[:2])
        age = newest(scene, "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", url.rpartition("/")[2])
        data[consumer] = {"waiting": waiting, "in_hand": in_hand, "oldest_s": age}
        limit = scene.number("alarm_lag_seconds")
        if (age is not None and age >= limit) or waiting >= MOST_WAITING:
            since = "" if age is None else f", the oldest for {span(age)}"
            findings.append(
                Finding(
                    f"{waiting} messages wait for {consumer}{since}",
                    f"it fails on them or is too slow: {scene.logs(consumer)}",
                )
            )
        if json.loads(found.get("RedrivePolicy", "{}")).get("deadLetterTargetArn") != arn_of(scene, dead[consumer]):
            findings.append(
                Finding(f"the queue of {consumer} has no DLQ: what fails comes again for ever", scene.deploy)
            )
    says = ", ".join(
        f"{name}: {each['waiting']} waiting, {each['in_hand']} in hand"
        + ("" if each["oldest_s"] is None else f", oldest {span(each['oldest_s'])}")
        for name, each in data.items()
    )
    return Report(says, tuple(findings), data)
