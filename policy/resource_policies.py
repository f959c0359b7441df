"""Rules about policies on the resources themselves: queues, topics, keys, endpoints of the network, secrets."""

from __future__ import annotations

from collections.abc import Iterator

from policy.documents import Statement, statements
from policy.graph import Graph, Resource
from policy.permissions import SOURCES
from policy.rule import rule

_CONTENT = (
    "QueuePolicy",
    "TopicPolicy",
    "kms/key:Key",
    "VpcEndpoint",
    "SecretPolicy",
    "kinesis/resourcePolicy:ResourcePolicy",
)
# Keys by which a policy says whose identities it means.
_WHOSE = ("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:SourceVpce")
# What encrypts with a key on its own account, and not by the rights of a role: its input that names the key or a
# topic that the key encrypts, and the service ("Key management" of SNS, "Compatibility between event sources ...").
_ENCRYPTS = (
    ("MetricAlarm", ("alarmActions", "okActions", "insufficientDataActions"), "cloudwatch.amazonaws.com"),
    ("CompositeAlarm", ("alarmActions", "okActions", "insufficientDataActions"), "cloudwatch.amazonaws.com"),
    ("EventTarget", ("arn",), "events.amazonaws.com"),
    ("dms/eventSubscription:EventSubscription", ("snsTopicArn",), "dms.amazonaws.com"),
    ("rds/eventSubscription:EventSubscription", ("snsTopic",), "events.rds.amazonaws.com"),
    ("LogGroup", ("kmsKeyId",), "logs.amazonaws.com"),
)


@rule(*_CONTENT, do="Name who is let in, with aws:SourceArn or aws:SourceAccount for a service")
def resource_policies_are_closed(graph: Graph, resource: Resource) -> Iterator[str]:
    """Nobody but the named gets in; a service only on this account's behalf; at an endpoint only own identities.

    Source: Cross-service confused deputy prevention (SQS, SNS, KMS)
    """
    if not resource.given("policy"):
        yield "has no policy, and so AWS's own, which is open"
        return
    for statement in statements(resource.inputs["policy"]):
        if not statement.allows:
            continue
        if statement.open_to_anybody and not statement.tests(*_WHOSE):
            yield "is open to anybody"
        if "Service" in statement.principals and not statement.tests(*SOURCES):
            yield f"is open to {', '.join(statement.principals['Service'])} on anybody's behalf"


@rule("sqs/queue:Queue", "sns/topic:Topic", do="Deny everything to everybody where aws:SecureTransport is false",
      local=False)  # fmt: skip
def messages_go_by_tls_only(graph: Graph, resource: Resource) -> Iterator[str]:
    """Queues and topics refuse whoever comes without TLS.

    Source: Amazon SQS security best practices; Amazon SNS security best practices
    """
    kind, place = ("QueuePolicy", "queueUrl") if resource.is_a("sqs/queue:Queue") else ("TopicPolicy", "arn")
    found = [one for policy in graph.users(resource, place, kind) for one in statements(policy.inputs["policy"])]
    if not any(_refuses_plain(one) for one in found):
        yield "takes calls without TLS"


@rule("kms/key:Key", do="List in the key's policy the services that use it, and no more")
def keys_are_for_their_services(graph: Graph, key: Resource) -> Iterator[str]:
    """The policy of a key lets in exactly the services that encrypt with it; roles get in by their own policies.

    Source: Key policies in AWS KMS; Amazon SNS key management ("Enable compatibility between event sources from AWS
    services and encrypted topics")
    """
    topics = list(graph.users(key, "kmsMasterKeyId", "sns/topic:Topic"))
    want = {
        service
        for kind, inputs, service in _ENCRYPTS
        for name in inputs
        for used in (key, *topics)
        if any(graph.users(used, name, kind))
    }
    found = [one for one in statements(key.inputs["policy"]) if one.allows]
    have = {who for one in found for who in one.principals.get("Service", ())}
    yield from (f"is closed to {service}, which needs it" for service in sorted(want - have))
    yield from (f"is open to {service}, which has nothing to encrypt with it" for service in sorted(have - want))
    for statement in found:
        needed = ("kms:GenerateDataKey", "kms:Decrypt")
        if "Service" in statement.principals and not all(statement.takes(action) for action in needed):
            yield f"does not let {', '.join(statement.principals['Service'])} encrypt"


@rule("TopicSubscription", do="Give the queue a QueuePolicy that lets the topic, by aws:SourceArn, send to it")
def queues_let_their_topics_in(graph: Graph, subscription: Resource) -> Iterator[str]:
    """A queue takes from the topics that it is subscribed to, and so does its dead-letter queue.

    Source: Subscribing an Amazon SQS queue to an Amazon SNS topic; Amazon SNS dead-letter queues
    """
    for queue in [
        *graph.behind(subscription, "endpoint", "sqs/queue:Queue"),
        *graph.behind(subscription, "redrivePolicy", "sqs/queue:Queue"),
    ]:
        policies = list(graph.users(queue, "queueUrl", "QueuePolicy"))
        for topic in graph.behind(subscription, "topic", "sns/topic:Topic"):
            if not any(_lets_in(graph, policy, queue, topic) for policy in policies):
                yield f"leads to the queue {queue.name}, which does not let the topic {topic.name} in"
        yield from (
            f"may come before {policy.name}, which lets it in"
            for policy in policies
            if not graph.reaches(subscription, policy)
        )


def _refuses_plain(statement: Statement) -> bool:
    tests = {(operator, key.lower(), *values) for operator, key, values in statement.conditions}
    return (
        not statement.allows
        and statement.open_to_anybody
        and tests == {("Bool", "aws:securetransport", "false")}
        and any(action in ("*", "sqs:*", "sns:*", "SQS:*", "SNS:*", "sns:Publish") for action in statement.actions)
    )


def _lets_in(graph: Graph, policy: Resource, queue: Resource, topic: Resource) -> bool:
    return any(
        one.allows
        and one.takes("sqs:SendMessage")
        and "sns.amazonaws.com" in one.principals.get("Service", ())
        and queue.outputs.get("arn") in one.resources
        and any(key == "aws:SourceArn" and topic.outputs.get("arn") in values for _, key, values in one.conditions)
        for one in statements(policy.inputs["policy"])
    )
