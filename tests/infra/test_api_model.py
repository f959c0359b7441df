"""Every resource of the program against the API models of botocore and the limits that AWS documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from policy.graph import Graph
from tests.infra.breaks import change, nested
from tests.infra.golden import STACKS
from tests.infra.graph import program, run
from twin.cloud.operations import OPERATIONS
from twin.cloud.shape import problems, unchecked

# Types that no API model is held against, and why.
NOT_COVERED = {
    "aws:apigateway/account:Account": "UpdateAccount takes patches, whose paths and values are free text",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "no API makes it: the provider adopts it",
    "pulumi:providers:aws": "Pulumi's own",
    "random:index/randomId:RandomId": "made by Pulumi alone",
    "random:index/randomPassword:RandomPassword": "made by Pulumi alone",
}
_BY_PROVIDER = "tells the provider what to do, and never reaches AWS"
_TAGS = "EC2 takes tags beside the resource, not in it"
_FREE = "an attribute, which SNS takes as free text"
_BOOLEAN = "decides which API is called"
# Properties of covered types that no member of an API stands for, and why.
UNCHECKED = {
    "aws:apigateway/deployment:Deployment": {"triggers": _BY_PROVIDER},
    "aws:apigateway/methodSettings:MethodSettings": {"methodPath": "part of the path of a patch, which is free text"},
    "aws:dms/endpoint:Endpoint": {
        "pauseReplicationTasks": _BY_PROVIDER,
        "secretsManagerAccessRoleArn": "goes into the settings of the engine, by any of a dozen names",
        "secretsManagerArn": "goes into the settings of the engine, by any of a dozen names",
    },
    "aws:dms/replicationTask:ReplicationTask": {"startReplicationTask": _BY_PROVIDER},
    "aws:dynamodb/table:Table": {
        "attributes": "spelled otherwise by the provider; DynamoDB refuses at once what it cannot take",
        "hashKey": "spelled otherwise by the provider; DynamoDB refuses at once what it cannot take",
        "pointInTimeRecovery": _BOOLEAN,
        "serverSideEncryption": _BOOLEAN,
    },
    "aws:ec2/flowLog:FlowLog": {"tags": _TAGS, "vpcId": "one of several that stand for ResourceIds"},
    "aws:ec2/securityGroup:SecurityGroup": {"tags": _TAGS},
    "aws:ec2/subnet:Subnet": {"tags": _TAGS},
    "aws:ec2/vpc:Vpc": {"tags": _TAGS},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"tags": _TAGS},
    "aws:kms/key:Key": {"enableKeyRotation": _BOOLEAN},
    "aws:lambda/function:Function": {
        "code": "an archive, which the tests of packaging look at",
        "replaceSecurityGroupsOnDestroy": _BY_PROVIDER,
        "replacementSecurityGroupIds": _BY_PROVIDER,
        "sourceCodeHash": _BY_PROVIDER,
    },
    "aws:lambda/invocation:Invocation": {"triggers": _BY_PROVIDER},
    "aws:sns/topic:Topic": {"kmsMasterKeyId": _FREE},
    "aws:sns/topicSubscription:TopicSubscription": {
        "filterPolicy": _FREE,
        "filterPolicyScope": _FREE,
        "rawMessageDelivery": _FREE,
        "redrivePolicy": _FREE,
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
        "description": "stands in a list of one; its limit is in twin/cloud/limits.py",
        "referencedSecurityGroupId": "stands in a list of one",
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "description": "stands in a list of one; its limit is in twin/cloud/limits.py",
        "referencedSecurityGroupId": "stands in a list of one",
    },
}


def found(graph: Graph) -> list[str]:
    """What AWS would refuse of a graph, a sentence each."""
    return [f"{each.name}: {problem}" for each in graph.resources for problem in problems(each.type, each.inputs)]


def types() -> set[str]:
    """Types that are no component, in all stacks."""
    every = {each.type for stack in STACKS for each in program(stack).resources}
    return {kind for kind in every if not kind.startswith("orders:")}


@pytest.mark.parametrize("stack", STACKS)
def test_inputs_are_what_aws_takes(stack: str) -> None:
    assert found(program(stack)) == []


def test_types_that_are_not_covered_have_a_reason() -> None:
    assert types() - set(OPERATIONS) == set(NOT_COVERED)
    assert all(NOT_COVERED.values())


def test_properties_that_are_not_checked_have_a_reason() -> None:
    left: dict[str, set[str]] = {}
    for stack in STACKS:
        for each in program(stack).resources:
            names = unchecked(each.type, each.inputs) if each.type in OPERATIONS else []
            if names:
                left.setdefault(each.type, set()).update(names)
    assert left == {kind: set(reasons) for kind, reasons in UNCHECKED.items()}
    assert all(reason for reasons in UNCHECKED.values() for reason in reasons.values())


PIPE = "sourceParameters.kinesisStreamParameters"


@pytest.mark.parametrize(
    ("breach", "said"),
    [
        # Enumerations
        (change("Pipe", desiredState="PAUSED"), "desiredState is 'PAUSED'"),
        (nested("Pipe", None, f"{PIPE}.onPartialBatchItemFailure", "BISECT"), "must be one of AUTOMATIC_BISECT"),
        (change("apigateway/response:Response", responseType="TEAPOT"), "responseType is 'TEAPOT'"),
        (change("MetricAlarm", comparisonOperator="Above"), "comparisonOperator is 'Above'"),
        (change("VpcEndpoint", vpcEndpointType="Interfaces"), "vpcEndpointType is 'Interfaces'"),
        (change("dms/replicationTask:ReplicationTask", migrationType="cdc-only"), "migrationType is 'cdc-only'"),
        (change("Stream", encryptionType="AES"), "encryptionType is 'AES'"),
        (nested("ClusterParameterGroup", None, "parameters", [{"name": "a", "applyMethod": "later"}]), "applyMethod"),
        (change("LogGroup", retentionInDays=15), "retentionInDays is 15"),
        # Names, patterns and lengths
        (change("Queue", "pipe-undelivered", name="a" * 81), "name is of size 81"),
        (change("Queue", "pipe-undelivered", name="a b"), "name is 'a b'"),
        (change("lambda/function:Function", name="a" * 141), "name has 141 characters"),
        (change("lambda/function:Function", role="arn:aws:iam::1:role/r"), "role is 'arn:aws:iam::1:role/r'"),
        (change("iam/role:Role", name="a/b"), "name is 'a/b'"),
        (change("kinesis/stream:Stream", name="a" * 129), "name has 129 characters"),
        (change("SecurityGroup", description="what → where"), "description is 'what"),
        (change("SecurityGroupIngressRule", description="it's"), "description is"),
        (change("MetricAlarm", dimensions={"a" * 256: "b"}), "has 256 characters"),
        (change("secretsmanager/secret:Secret", namePrefix="a b"), "namePrefix"),
        (change("dms/replicationTask:ReplicationTask", resourceIdentifier="a" * 32), "resourceIdentifier"),
        (change("RolePolicy", policy="{" + " " * 10240 + "}"), "policy is of size 10242"),
        # Numbers
        (change("lambda/function:Function", memorySize=64), "memorySize is 64"),
        (change("lambda/function:Function", reservedConcurrentExecutions=-1), "reservedConcurrentExecutions is -1"),
        (change("Queue", "pipe-undelivered", messageRetentionSeconds=1209601), "messageRetentionSeconds is 1209601"),
        (change("rds/cluster:Cluster", backupRetentionPeriod=36), "backupRetentionPeriod is 36"),
        (change("Integration", timeoutMilliseconds=30000), "timeoutMilliseconds is 30000"),
        (nested("MethodSettings", None, "settings", {"throttlingBurstLimit": "many"}), "throttlingBurstLimit is"),
        (nested("lambda/function:Function", "authorize-function", "environment", {"variables": {"A": "b" * 4096}}),
         "environment is of size 4097"),
        # What is missing
        (change("EventSourceMapping", functionName=None), "functionName is required"),
        (change("ec2/subnet:Subnet", vpcId=None), "vpcId is required"),
    ],
)  # fmt: skip
def test_wrong_input_is_found(breach: Callable[[Graph], None], said: str) -> None:
    graph = program("dev").copy()
    breach(graph)
    [problem] = found(graph)
    assert said in problem


@pytest.mark.parametrize(
    ("place", "wrong", "said"),
    [
        ("infra.pipe._TWO_WEEKS", 1209601, "pipe-undelivered: messageRetentionSeconds is 1209601"),
        ("infra.function._HANDLER", "functions {folder}", "authorize-function: handler is 'functions authorize'"),
        ("infra.bus._STREAM_KEY", "k" * 2049, "bus-stream: kmsKeyId has 2049 characters"),
        ("infra.names.Names.queue", lambda self, consumer: f"queue of {consumer}", "queue: name is 'queue of"),
        ("infra.names.Names.named", lambda self, what: f"{what}'s", "database-group: name is"),
    ],
    ids=["number", "pattern", "length", "name", "text"],
)
def test_mistake_in_a_component_is_found(place: str, wrong: Any, said: str) -> None:
    with mock.patch(place, wrong):
        graph = run()
    assert [problem for problem in found(graph) if said in problem]
