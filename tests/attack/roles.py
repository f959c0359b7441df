"""The program's roles, and what AWS would decide: an action on a resource, by the policies of the role.

The evaluator is ministack's, the one that the twin enforces policies with (identity policies, explicit denials,
conditions).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, fnmatch_iam, parse_policy_document

from policy.graph import Graph, Resource
from tests.infra.graph import run
from tests.infra.made import ACCOUNT

REGION = "eu-central-1"

# What nobody of them has any business with, and more of the services that they use.
DANGEROUS = (
    "iam:CreateUser", "iam:PassRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreateAccessKey",
    "iam:UpdateAssumeRolePolicy", "sts:AssumeRole", "sts:GetFederationToken", "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration", "lambda:AddPermission", "lambda:GetFunction", "lambda:InvokeFunction",
    "lambda:DeleteFunction", "lambda:PutFunctionConcurrency", "secretsmanager:UpdateSecret",
    "secretsmanager:ListSecrets", "secretsmanager:DeleteSecret", "secretsmanager:PutResourcePolicy",
    "secretsmanager:BatchGetSecretValue", "kms:Encrypt", "kms:CreateGrant", "kms:ScheduleKeyDeletion",
    "kms:PutKeyPolicy", "kinesis:DeleteStream", "kinesis:SplitShard", "kinesis:DecreaseStreamRetentionPeriod",
    "kinesis:SubscribeToShard", "sns:Subscribe", "sns:SetTopicAttributes", "sns:AddPermission", "sns:DeleteTopic",
    "sqs:PurgeQueue", "sqs:SetQueueAttributes", "sqs:AddPermission", "sqs:DeleteQueue", "sqs:StartMessageMoveTask",
    "dynamodb:Scan", "dynamodb:Query", "dynamodb:DeleteTable", "dynamodb:BatchWriteItem",
    "dynamodb:ExportTableToPointInTime", "ses:SendRawEmail", "ses:CreateEmailIdentity", "ses:SendEmail",
    "rds:ModifyDBCluster", "rds:DeleteDBCluster", "rds:CreateDBClusterSnapshot",
    "rds:ModifyDBClusterSnapshotAttribute", "rds-data:ExecuteStatement", "elasticache:ModifyUser",
    "elasticache:DeleteReplicationGroup", "elasticache:CreateSnapshot", "dms:ModifyReplicationTask",
    "dms:StopReplicationTask", "dms:DeleteReplicationTask", "pipes:UpdatePipe", "pipes:StopPipe",
    "scheduler:UpdateSchedule", "scheduler:DeleteSchedule", "apigateway:GET", "apigateway:PATCH",
    "execute-api:Invoke", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateVpcPeeringConnection", "ec2:RunInstances",
    "ec2:CreateSnapshot", "s3:GetObject", "s3:PutObject", "s3:ListAllMyBuckets", "logs:GetLogEvents",
    "logs:FilterLogEvents", "logs:DeleteLogGroup", "logs:PutSubscriptionFilter", "logs:StartQuery",
    "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricData", "ssm:GetParameter", "ssm:SendCommand", "events:PutRule",
    "cloudformation:CreateStack", "organizations:LeaveOrganization", "xray:GetTraceSummaries",
)  # fmt: skip


@cache
def graph() -> Graph:
    """The stack of production, mails included."""
    return run(stack="prod", settings={"orders:mailSender": "orders@shop.example"})


def short(role: Resource) -> str:
    """The role's own part of its name, such as `place-order`."""
    return str(role.inputs["name"]).removeprefix("orders-prod-").removesuffix(f"-{REGION}")


def documents(stack: Graph, role: Resource) -> list[Any]:
    """Policies of a role, parsed."""
    texts = [policy.inputs["policy"] for policy in stack.users(role, "role", "RolePolicy")]
    texts += [inline["policy"] for inline in role.at("inlinePolicies") or ()]
    return [parse_policy_document(json.loads(text)) for text in texts]


def takes(policies: list[Any], action: str) -> bool:
    """Whether any statement speaks of the action; if none does, it is allowed on nothing."""
    return any(fnmatch_iam(action, each) for policy in policies for one in policy for each in one.actions)


def allows(policies: list[Any], role: Resource, action: str, resource: str, more: Mapping[str, Any]) -> bool:
    """Whether the role may, with what the service says about the request."""
    context = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.inputs['name']}/session",
        principal_type="AssumedRole", principal_account=ACCOUNT, action=action, resource_arn=resource, region=REGION,
        source_ip="10.0.0.1", secure_transport=True, service_context=dict(more),
    )  # fmt: skip
    return bool(evaluate(context, policies).decision == "Allow")


def resources(stack: Graph) -> Iterator[str]:
    """Everything in the stack that has an ARN, its parts, and the same in another account."""
    for found in stack.resources:
        arn = found.outputs.get("arn")
        if isinstance(arn, str) and arn.startswith("arn:"):
            yield arn
            yield arn.replace(ACCOUNT, "999999999999")
            if ":log-group:" in arn:
                yield f"{arn}:log-stream:x"
    users = ("app", "administrator", "maintenance", "operator", "cdc", "postgres", "order_writer", "*")
    for user in users:
        yield f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:cluster-RESOURCE/{user}"
        yield f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:cluster-OTHER/{user}"
    yield f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!cluster-0a1b2c3d-AbCdEf"
    yield f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:other-AbCdEf"
    yield f"arn:aws:iam::{ACCOUNT}:role/admin"
    yield "arn:aws:s3:::bucket/key"
    yield f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1b2c3d4e5/prod/POST/orders"
    yield "*"


def calls(queue: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Service, action, end of the ARN, and a request."""
    url = f"http://localhost/{ACCOUNT}/{queue}"
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders-prod-events"
    return [
        ("kinesis", "PutRecord", "stream/orders-prod-events", {"StreamARN": stream, "Data": b"x", "PartitionKey": "1"}),
        ("kinesis", "ListShards", "stream/orders-prod-events", {"StreamARN": stream}),
        ("kinesis", "DeleteStream", "stream/orders-prod-events", {"StreamARN": stream}),
        (
            "sns",
            "Publish",
            "orders-prod-events",
            {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:orders-prod-events", "Message": "{}"},
        ),
        ("sqs", "SendMessage", queue, {"QueueUrl": url, "MessageBody": "x"}),
        ("sqs", "ReceiveMessage", queue, {"QueueUrl": url, "WaitTimeSeconds": 0}),
        ("sqs", "PurgeQueue", queue, {"QueueUrl": url}),
        (
            "dynamodb",
            "GetItem",
            "table/orders-prod-mails",
            {"TableName": "orders-prod-mails", "Key": {"id": {"S": "1"}}},
        ),
        ("dynamodb", "Scan", "table/orders-prod-mails", {"TableName": "orders-prod-mails"}),
        ("iam", "CreateUser", "*", {"UserName": "x"}),
    ]
