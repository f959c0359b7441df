"""SNS topics, their policies and subscriptions, real in the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twin.cloud.context import Context, text
from twin.cloud.kind import Inputs, Kind, Made, Problem, Request, Resource, outputs, tags
from twin.cloud.services import gone_is_fine, is_there, parsed_like

TOPIC_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def attributes(inputs: Inputs, names: dict[str, str]) -> dict[str, str]:
    """Translate properties to the texts in which SNS and SQS take attributes."""
    return {
        attribute: str(inputs[prop]).lower() if isinstance(inputs[prop], bool) else str(inputs[prop])
        for prop, attribute in names.items()
        if inputs.get(prop) is not None
    }


def _create_topic(at: Context, request: Request) -> Made:
    inputs = request.inputs
    # A standard topic refuses the attributes of a FIFO topic even when they are false.
    names = {p: a for p, a in TOPIC_ATTRIBUTES.items() if inputs.get("fifoTopic") or "FIFO" not in a.upper()}
    arn = at.client("sns").create_topic(
        Name=text(inputs, "name"),
        Attributes=attributes(inputs, names),
        Tags=[{"Key": key, "Value": value} for key, value in tags(inputs).items()],
    )["TopicArn"]
    return Made(arn, outputs(at, inputs, arn=arn, owner=at.account))


def _update_topic(at: Context, old: Resource, request: Request) -> Made:
    _set_changed(at, "set_topic_attributes", {"TopicArn": old.id}, TOPIC_ATTRIBUTES, old, request)
    return Made(old.id, outputs(at, request.inputs, arn=old.id, owner=at.account))


def _set_changed(
    at: Context, call: str, target: dict[str, str], names: dict[str, str], old: Resource, request: Request
) -> None:
    was, now = attributes(old.inputs, names), attributes(request.inputs, names)
    for name in names.values():
        if was.get(name) != now.get(name):
            setter: Any = getattr(at.client("sns"), call)
            setter(**target, AttributeName=name, AttributeValue=now.get(name, ""))


def _delete_topic(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("sns").delete_topic(TopicArn=resource.id)


def _topic_exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("sns").get_topic_attributes(TopicArn=resource.id))


def _put_policy(at: Context, request: Request) -> Made:
    arn = text(request.inputs, "arn")
    at.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=text(request.inputs, "policy")
    )
    return Made(arn, outputs(at, request.inputs, owner=at.account))


def _check_subscription(request: Request) -> Iterator[Problem]:
    if request.inputs.get("filterPolicyScope") and not request.inputs.get("filterPolicy"):
        yield Problem("filterPolicyScope", "filterPolicyScope without filterPolicy has no effect.")


def _create_subscription(at: Context, request: Request) -> Made:
    inputs = request.inputs
    arn = at.client("sns").subscribe(
        TopicArn=text(inputs, "topic"),
        Protocol=text(inputs, "protocol"),
        Endpoint=text(inputs, "endpoint"),
        Attributes=attributes(inputs, SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return _subscription(at, request, arn)


def _update_subscription(at: Context, old: Resource, request: Request) -> Made:
    target = {"SubscriptionArn": old.id}
    _set_changed(at, "set_subscription_attributes", target, SUBSCRIPTION_ATTRIBUTES, old, request)
    return _subscription(at, request, old.id)


def _subscription(at: Context, request: Request, arn: str) -> Made:
    computed = {"arn": arn, "ownerId": at.account, "pendingConfirmation": False, "confirmationWasAuthenticated": True}
    return Made(arn, outputs(at, request.inputs, **computed))


def _delete_subscription(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        at.client("sns").unsubscribe(SubscriptionArn=resource.id)


def _read_subscription(at: Context, resource: Resource) -> dict[str, Any]:
    found = at.client("sns").get_subscription_attributes(SubscriptionArn=resource.id)["Attributes"]
    now = {
        prop: parsed_like(resource.outputs.get(prop, ""), found[name])
        for prop, name in SUBSCRIPTION_ATTRIBUTES.items()
        if name in found and prop in resource.outputs
    }
    return {**resource.outputs, **now}


def _subscription_exists(at: Context, resource: Resource) -> bool:
    return is_there(lambda: at.client("sns").get_subscription_attributes(SubscriptionArn=resource.id))


KINDS = (
    Kind(
        typ="aws:sns/topic:Topic",
        create=_create_topic, update=_update_topic, delete=_delete_topic, exists=_topic_exists,
        named_by="name", name_limit=256,
    ),
    Kind(
        typ="aws:sns/topicPolicy:TopicPolicy",
        create=_put_policy, update=lambda at, _, request: _put_policy(at, request), identity=frozenset({"arn"}),
    ),
    Kind(
        typ="aws:sns/topicSubscription:TopicSubscription",
        create=_create_subscription, update=_update_subscription, delete=_delete_subscription,
        exists=_subscription_exists, read=_read_subscription, check=_check_subscription,
        identity=frozenset({"topic", "protocol", "endpoint"}),
    ),
)  # fmt: skip
