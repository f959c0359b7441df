"""Every policy document of the program against the service authorization reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy.permissions import WITHOUT_RESOURCE
from tests.infra.breaks import Break, allow, document
from tests.infra.graph import program
from tests.infra.iam_reference import SET_BY_CALLER, _service, documents, findings, problems

QUEUE, STREAM = "arn:aws:sqs:eu-central-1:111122223333:q", "arn:aws:kinesis:eu-central-1:111122223333:stream/s"


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_policies_say_what_aws_understands(stack: str) -> None:
    assert findings(program(stack)) == []


def test_every_kind_of_document_is_looked_at() -> None:
    graph = program("prod")
    found = {(name, path) for name, path, _ in documents(graph)}
    for kind, place in {
        "iam/role:Role": "assumeRolePolicy",
        "RolePolicy": "policy",
        "QueuePolicy": "policy",
        "TopicPolicy": "policy",
        "kms/key:Key": "policy",
        "VpcEndpoint": "policy",
    }.items():
        assert {(each.name, place) for each in graph.of(kind)} <= found, kind


def policy(actions: str | list[str], resource: str = QUEUE, **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", **more, "Action": actions, "Resource": resource}]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (policy("sqs:SendMessages"), "sqs:SendMessages is no action of sqs"),
        (policy("sqs:sendmessage"), "sqs:sendmessage is no action of sqs"),
        (policy("sqs:Snd*"), "is no action of sqs"),
        (policy("sqss:SendMessage"), "is of no service"),
        (policy("SendMessage"), "is of no service"),
        (policy("sqs:SendMessage", STREAM), "takes no resource like arn:aws:kinesis"),
        (policy("kinesis:PutRecords", STREAM.replace("stream/", "")), "takes no resource"),
        (policy(["sqs:SendMessage", "kinesis:PutRecords"]), "kinesis:PutRecords takes no resource like arn:aws:sqs"),
        (policy("sns:*", "arn:aws:sns:eu-central-1:111122223333:t", Principal="*"), "sns:* takes no resource"),
        (policy("xray:PutTraceSegments", QUEUE), "takes no resource"),
        (policy("sqs:SendMessage", Condition={"StringEquals": {"aws:SourceAcount": "1"}}), "knows no condition key"),
        (policy("sqs:SendMessage", Condition={"StringEquals": {"sns:Protocol": "sqs"}}), "knows no condition key"),
    ],
)
def test_wrong_document_is_found(text: str, problem: str) -> None:
    assert [found for found in problems(text) if problem in found]


@pytest.mark.parametrize(
    "text",
    [
        policy("sqs:SendMessage", QUEUE + "*"),
        policy("sqs:SendMessage", Condition={"StringEquals": {"aws:ResourceTag/stage": "dev"}}),
        policy("sns:Subscribe", "arn:aws:sns:eu-central-1:1:t", Condition={"StringEquals": {"sns:Protocol": "sqs"}}),
        policy("logs:PutLogEvents", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/f:*"),
        policy("sqs:*", Principal="*"),
        policy(["sqs:SendMessage", "sqs:Get*"]),
    ],
)
def test_right_document_passes(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    "breach",
    [
        document("RolePolicy", "place-order-policy", allow(["rds-db:conect"], QUEUE)),
        document("QueuePolicy", None, allow(["sns:Publish"], QUEUE, Principal="*")),
        document("kms/key:Key", None, allow(["kms:GenerateDatKey"], Principal="*")),
        document("VpcEndpoint", None, allow(["secretsmanager:ReadSecret"], Principal="*")),
        document("iam/role:Role", None, lambda found: found[0].update(Action="sts:AsumeRole"), "assumeRolePolicy"),
    ],
)
def test_mistake_in_the_program_is_found(breach: Break) -> None:
    graph = program("dev").copy()
    breach(graph)
    assert len(findings(graph)) == 1


@pytest.mark.parametrize(("action", "reason"), WITHOUT_RESOURCE.items())
def test_reason_for_a_star_is_true(action: str, reason: str) -> None:
    service, _, name = action.partition(":")
    kinds = {kind for kind in _service(service)["privileges"][name]["resource_types"] if kind}
    assert bool(kinds) != (reason == "knows no resource")


def test_keys_set_by_callers_have_a_reason() -> None:
    assert all(SET_BY_CALLER.values())
