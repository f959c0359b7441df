"""Each consumer's subscription lets through the events that its function knows, and no other."""

from __future__ import annotations

import json

from functions.registry import CONSUMERS
from tests.infra.graph import run


def test_each_consumer_is_subscribed_to_the_events_that_it_knows() -> None:
    stack = run(stack="prod", settings={"orders:mailSender": "orders@shop.example"})
    found = {
        subscription.name.removesuffix("-subscription").replace("-", "_"): tuple(
            json.loads(subscription.inputs["filterPolicy"])["data"]["event_type"]
        )
        for subscription in stack.of("aws:sns/topicSubscription:TopicSubscription")
        if subscription.given("filterPolicy")
    }
    assert {name: set(types) for name, types in found.items()} == {
        name: set(types) for name, types in CONSUMERS.items()
    }
