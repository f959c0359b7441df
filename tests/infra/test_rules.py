"""The program obeys the rules, and each rule finds the breach that it is there for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.infra import network_rules, rules, security_rules
from tests.infra.graph import Graph, Resource, program

Break = Callable[[Graph], None]


@pytest.mark.parametrize("rule", rules.ON_AWS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_stacks_on_aws_obey(stack: str, rule: rules.Rule) -> None:
    assert rule(program(stack)) == []


@pytest.mark.parametrize("rule", rules.ALWAYS, ids=lambda rule: rule.__name__)
def test_local_stack_obeys(rule: rules.Rule) -> None:
    assert rule(program("local")) == []


def change(kind: str, name: str | None = None, /, **inputs: Any) -> Break:
    """Give one resource other inputs; None takes an input away."""

    def apply(graph: Graph) -> None:
        found = graph.one(kind, name) if name else graph.of(kind)[0]
        found.inputs.update(inputs)
        for key, value in inputs.items():
            if value is None:
                del found.inputs[key]

    return apply


def nested(kind: str, name: str, path: list[str], value: Any) -> Break:
    """Change a value deep in one resource's inputs."""

    def apply(graph: Graph) -> None:
        place = graph.one(kind, name).inputs
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return apply


def remove(kind: str, name: str) -> Break:
    def apply(graph: Graph) -> None:
        graph.resources.remove(graph.one(kind, name))

    return apply


def add(kind: str, **inputs: Any) -> Break:
    def apply(graph: Graph) -> None:
        parent = graph.one("orders:network:Network").urn
        graph.resources.append(Resource(f"urn::{kind}", kind, "added", parent, True, inputs))

    return apply


def unlink(kind: str, name: str | None = None) -> Break:
    """Take away all that one resource waits for."""

    def apply(graph: Graph) -> None:
        found = graph.one(kind, name) if name else graph.of(kind)[0]
        graph.resources[graph.resources.index(found)] = dataclasses.replace(found, depends_on=frozenset())

    return apply


def reparent(kind: str, parent: str = "") -> Break:
    """Hang one resource below another component, or below none."""

    def apply(graph: Graph) -> None:
        found = graph.of(kind)[0]
        urn = graph.one(parent).urn if parent else ""
        graph.resources[graph.resources.index(found)] = dataclasses.replace(found, parent=urn, options={})

    return apply


def policy(statement: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'


ANYBODY = policy('{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn"}')
ANY_SERVICE = policy(
    '{"Effect": "Allow", "Principal": {"Service": "sns"}, "Action": "sqs:SendMessage", "Resource": "a"}'
)
ANY_ACTION = policy('{"Effect": "Allow", "Action": ["sqs:*"], "Resource": "arn"}')
ANY_RESOURCE = policy('{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"}')
PIPE = ["sourceParameters", "kinesisStreamParameters"]

BREAKS: list[tuple[rules.Rule, Break]] = [
    (rules.queues_have_dead_letters, change("Queue", "project-clients-queue", redrivePolicy=None)),
    (rules.subscriptions_have_dead_letters, change("TopicSubscription", redrivePolicy=None)),
    (security_rules.roles_have_no_wildcards, change("RolePolicy", "place-order-policy", policy=ANY_ACTION)),
    (security_rules.roles_have_no_wildcards, change("RolePolicy", "place-order-policy", policy=ANY_RESOURCE)),
    (security_rules.attached_policies_are_known, reparent("RolePolicyAttachment", "orders:network:Network")),
    (security_rules.resource_policies_are_closed, change("QueuePolicy", policy=ANYBODY)),
    (security_rules.resource_policies_are_closed, change("QueuePolicy", policy=ANY_SERVICE)),
    (security_rules.data_are_encrypted, change("Queue", "pipe-undelivered", sqsManagedSseEnabled=False)),
    (security_rules.data_are_encrypted, change("sns/topic:Topic", "bus-topic", kmsMasterKeyId=None)),
    (security_rules.data_are_encrypted, change("Stream", kmsKeyId=None)),
    (security_rules.data_are_encrypted, change("Cluster", storageEncrypted=False)),
    (security_rules.data_are_encrypted, change("ReplicationGroup", atRestEncryptionEnabled=False)),
    (security_rules.connections_are_encrypted, change("ReplicationGroup", transitEncryptionEnabled=False)),
    (security_rules.connections_are_encrypted, change("ClusterParameterGroup", parameters=[])),
    (security_rules.connections_are_encrypted, change("dms/endpoint:Endpoint", "capture-source", sslMode="none")),
    (network_rules.nothing_is_public, add("aws:ec2/natGateway:NatGateway")),
    (
        network_rules.nothing_is_public,
        change("SecurityGroupIngressRule", referencedSecurityGroupId=None, cidrIpv4="0.0.0.0/0"),
    ),
    (network_rules.nothing_is_public, change("SecurityGroup", "database-group", ingress=[{"fromPort": 5432}])),
    (network_rules.nothing_is_public, change("ClusterInstance", publiclyAccessible=True)),
    (network_rules.rules_are_described, change("SecurityGroupEgressRule", description=None)),
    (network_rules.functions_reach_what_they_call, remove("SecurityGroupIngressRule", "database-from-place-order")),
    (network_rules.functions_reach_what_they_call, remove("SecurityGroupEgressRule", "migrate-to-secretsmanager")),
    (
        network_rules.functions_reach_what_they_call,
        nested("Function", "get-client-function", ["environment", "variables"], {}),
    ),
    (network_rules.functions_outside_call_nothing_inside, change("Function", "get-client-function", vpcConfig=None)),
    (network_rules.functions_outside_call_nothing_inside, change("Function", "authorize-function", vpcConfig={})),
    (rules.logs_have_retention, change("LogGroup", "capture-logs", retentionInDays=None)),
    (rules.logs_have_retention, change("LogGroup", "authorize-logs", name="elsewhere")),
    (rules.alarms_call_somebody, change("MetricAlarm", alarmActions=[])),
    (rules.everything_is_watched, remove("MetricAlarm", "alarm-capture-source-latency")),
    (rules.everything_is_watched, remove("MetricAlarm", "alarm-project-clients-dead-letters")),
    (rules.everything_is_watched, remove("MetricAlarm", "alarm-migrate-errors")),
    (rules.messages_stay_hidden, change("Queue", "project-clients-queue", visibilityTimeoutSeconds=179)),
    (rules.failures_are_single, change("EventSourceMapping", functionResponseTypes=None)),
    (rules.pipe_is_bounded, nested("Pipe", "pipe-pipe", [*PIPE, "startingPosition"], "LATEST")),
    (rules.pipe_is_bounded, nested("Pipe", "pipe-pipe", [*PIPE, "batchSize"], 100)),
    (rules.pipe_is_bounded, nested("Pipe", "pipe-pipe", [*PIPE, "maximumRetryAttempts"], -1)),
    (rules.pipe_is_bounded, nested("Pipe", "pipe-pipe", [*PIPE, "deadLetterConfig"], None)),
    (rules.order_is_kept, unlink("ReplicationTask")),
    (rules.order_is_kept, unlink("Pipe")),
    (rules.order_is_kept, unlink("Deployment")),
    (rules.order_is_kept, unlink("ReplicationSubnetGroup")),
    (network_rules.paths_open_first, unlink("Function", "place-order-function")),
    (security_rules.calls_are_authorized, change("apigateway/method:Method", authorization="NONE")),
    (security_rules.calls_are_authorized, change("lambda/permission:Permission", sourceArn=None)),
    (rules.names_are_unique, change("Queue", "pipe-undelivered", name="orders-dev-project-clients")),
    (security_rules.provider_is_ours, reparent("Stream")),
    (rules.everything_has_a_component, reparent("Stream")),
]


@pytest.mark.parametrize(("rule", "breach"), BREAKS, ids=lambda each: getattr(each, "__name__", ""))
def test_rule_finds_a_breach(rule: rules.Rule, breach: Break) -> None:
    graph = program("dev").copy()
    breach(graph)
    assert rule(graph) != []


def test_every_rule_is_proven() -> None:
    assert {rule for rule, _ in BREAKS} == set(rules.ON_AWS)
