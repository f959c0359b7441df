"""Bad input and unknown types on the whole way: where they end, for both consumers. Rows of docs/operations.md."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.twin.conftest import System, depth
from tests.twin.test_ops_read_model import Ops, compared, run  # noqa: F401
from tests.twin.waiting import until

CONSUMERS = ("project_clients", "notify_client")
CUT = (
    "insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)"
    " select gen_random_uuid(), aggregate_type, aggregate_id, event_type, version + 1, left(payload, 300), now()"
    " from outbox where aggregate_id = %s limit 1"
)
# One transaction: when the event can be seen, its client is gone.
PLACE_AND_DELETE = """
select place_order(gen_random_uuid()::varchar, 'hash', interval '1 day', %s, '{3}', '{1}');
delete from order_line where order_id in (select id from orders where client_id = %s);
delete from orders where client_id = %s;
delete from client where id = %s
"""
# What a migration would add to the function that places orders: the same event once more, as version 2.
WRITE_BOTH = """
create function write_second_version() returns trigger language plpgsql as $$
begin
    insert into outbox (id, aggregate_type, aggregate_id, event_type, version, payload, occurred_at)
    values (gen_random_uuid(), new.aggregate_type, new.aggregate_id, 'orders.OrderPlaced.v2', new.version,
        replace(new.payload, '"orders.OrderPlaced.v1"', '"orders.OrderPlaced.v2"'), new.occurred_at);
    return new;
end $$;
create trigger write_both after insert on outbox for each row
    when (new.event_type = 'orders.OrderPlaced.v1' and new.aggregate_id = '{client}')
    execute function write_second_version()
"""
WRITE_ONE = "drop trigger write_both on outbox; drop function write_second_version()"


@pytest.fixture
def dead(system: System) -> Iterator[dict[str, str]]:
    """URLs of the consumers' dead-letter queues, empty before and after; failed tries are hidden for a second."""
    sqs = system.twin.emulator.client("sqs")
    queues = [system.outputs[f"{consumer}_queue_url"] for consumer in CONSUMERS]
    found = {consumer: system.outputs[f"{consumer}_dead_letter_url"] for consumer in CONSUMERS}
    names = ["VisibilityTimeout"]
    usual = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in queues]
    for url in queues:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    for url in found.values():
        sqs.purge_queue(QueueUrl=url)
    yield found
    # A load of the whole outbox, as other tests make it, would bring what was cut again.
    system.rows("delete from outbox where payload !~ '}$'")
    for url, attributes in zip(queues, usual, strict=True):
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    for url in found.values():
        sqs.purge_queue(QueueUrl=url)


def types_in(system: System, url: str) -> list[str]:
    """Types of the events that wait in a queue; they stay there."""
    found = system.twin.emulator.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [json.loads(each["Body"])["data"]["event_type"] for each in found.get("Messages", [])]


def test_a_payload_cut_in_the_outbox_is_a_dead_letter_of_each_consumer_and_stops_nothing(
    system: System, dead: dict[str, str]
) -> None:
    client, sqs = system.new_client(), system.twin.emulator.client("sqs")
    system.place(client)
    system.rows(CUT, str(client))
    # On the topic what is no JSON matches no subscription: it is dropped, and counted by the alarm topic-unreadable.
    system.twin.emulator.client("sns").publish(TopicArn=system.outputs["topic_arn"], Message='{"data": {"event_ty')
    system.place(client)
    system.converged(client)
    for consumer in CONSUMERS:
        until(lambda url=dead[consumer]: depth(sqs, url) == 1, what=f"dead letter of {consumer}")  # type: ignore[misc]


@contextmanager
def written_twice(system: System, client: int) -> Iterator[None]:
    system.rows(WRITE_BOTH.format(client=client))
    try:
        yield
    finally:
        system.rows(WRITE_ONE)


def test_a_second_version_is_skipped_by_the_filter_and_refused_without_it(system: System, dead: dict[str, str]) -> None:
    client = system.new_client()
    sns, sqs = (system.twin.emulator.client(name) for name in ("sns", "sqs"))
    topic = system.outputs["topic_arn"]
    # A consumer of the second version, beside those of the first.
    queue = sqs.create_queue(QueueName=f"second-{secrets.token_hex(4)}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    wanted = json.dumps({"data": {"event_type": ["orders.OrderPlaced.v2"]}})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": wanted, "FilterPolicyScope": "MessageBody"},
    )["SubscriptionArn"]  # fmt: skip
    [projector] = [
        each["SubscriptionArn"]
        for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for each in page["Subscriptions"]
        if each["Endpoint"].endswith("project-clients") or "project_clients" in each["Endpoint"]
    ]
    usual = sns.get_subscription_attributes(SubscriptionArn=projector)["Attributes"]["FilterPolicy"]

    def set_filter(policy: str) -> None:
        sns.set_subscription_attributes(SubscriptionArn=projector, AttributeName="FilterPolicy", AttributeValue=policy)

    try:
        with written_twice(system, client):
            system.place(client)
            system.converged(client)
            until(lambda: types_in(system, queue) == ["orders.OrderPlaced.v2"], what="the second version")
            set_filter(json.dumps({"data": {"event_type": [{"exists": True}]}}))
            system.place(client)
            system.converged(client)
            until(lambda: depth(sqs, dead["project_clients"]) == 1, what="the second version refused")
            assert types_in(system, dead["project_clients"]) == ["orders.OrderPlaced.v2"]
        assert depth(sqs, queue) == 2
        # Both versions of the first order came by with the filters set: nobody refused one.
        assert depth(sqs, dead["notify_client"]) == 0
    finally:
        set_filter(usual)
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=queue)


def test_a_client_deleted_before_its_event_arrives_is_an_orphan_that_a_repair_removes(
    system: System,
    run: Ops,  # noqa: F811
    dead: dict[str, str],
) -> None:
    client, sqs = system.new_client(), system.twin.emulator.client("sqs")
    system.rows(PLACE_AND_DELETE, client, client, client, client)
    # An event carries the client's state: nobody asks back.
    system.client.wait_for_version(client, 1, timeout_s=60)
    assert compared(run)["drifts"] == [{"id": client, "kind": "orphan", "fields": ["client"]}]
    assert run("reconcile", "--repair").exit_code == 0
    assert system.client.client(client).status_code == 404
    assert [depth(sqs, url) for url in dead.values()] == [0, 0]
