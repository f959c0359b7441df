"""What the topic gives to whom: each consumer's subscription, its filter, and where it puts what is not taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.aws import answering
from ops.checks.check import Finding, Report, Scene


def look(scene: Scene) -> Report:
    """Compare each subscription with what the program made it ("GetSubscriptionAttributes").

    What was published past a subscription comes by loading the outbox anew: a consumer bears events twice.
    """
    sns, topic = scene.aws.client("sns"), scene.stack.output("topic_arn")
    queues, dead = scene.stack.ending("_queue_url"), scene.stack.ending("_dead_letter_url")
    with answering(scene.stack):
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        try:
            by_endpoint = {one["Endpoint"]: one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]}
        except sns.exceptions.NotFoundException:
            return Report("there is no topic", (_missed(scene, f"there is no topic {topic}"),))
        findings: list[Finding] = []
        data: dict[str, Any] = {}
        for consumer, url in queues.items():
            arn = by_endpoint.get(arn_of(scene, url))
            if arn is None:
                data[consumer] = None
                findings.append(_missed(scene, f"{consumer} has no subscription and gets no event"))
            elif not arn.startswith("arn:"):
                data[consumer] = {"state": arn}
                findings.append(_missed(scene, f"the subscription of {consumer} is {arn}"))
            else:
                attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                wanted = scene.stack.output(f"{consumer}_event_types").split(",")
                data[consumer] = {"subscription": arn, "filter": attributes.get("FilterPolicy")}
                findings += _wrong(scene, consumer, attributes, wanted, arn_of(scene, dead[consumer]))
    return Report(f"{len(by_endpoint)} of the topic, {len(queues)} consumers", tuple(findings), data)


def _wrong(
    scene: Scene, consumer: str, attributes: Mapping[str, str], wanted: list[str], dead: str
) -> Iterator[Finding]:
    policy, scope = _json(attributes.get("FilterPolicy")), attributes.get("FilterPolicyScope")
    if policy != {} and scope != "MessageBody":
        yield _missed(scene, f"the filter of {consumer} is for {scope or 'MessageAttributes'}, which no event has")
    elif policy != {"data": {"event_type": wanted}}:
        types = policy.get("data", {}).get("event_type") if isinstance(policy.get("data"), dict) else None
        lost = sorted(set(wanted) - set(types)) if isinstance(types, list) else []
        said = f"lets {', '.join(lost)} not through" if lost else "is another than the program's"
        yield _missed(scene, f"the filter of {consumer} {said}")
    if attributes.get("RawMessageDelivery") != "true":
        yield _missed(scene, f"{consumer} gets its events wrapped (RawMessageDelivery), and takes none of them")
    if _json(attributes.get("RedrivePolicy")).get("deadLetterTargetArn") != dead:
        yield Finding(f"what the queue of {consumer} does not take is lost: its subscription has no DLQ", scene.deploy)


def arn_of(scene: Scene, url: str) -> str:
    """A queue's ARN, of its URL and the stack's place."""
    return f"arn:aws:sqs:{scene.stack.output('region')}:{scene.stack.output('account')}:{url.rpartition('/')[2]}"


def _missed(scene: Scene, wrong: str) -> Finding:
    return Finding(wrong, f"{scene.deploy}, then {scene.ops('capture reload')}: what it missed is sent again")


def _json(text: str | None) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
