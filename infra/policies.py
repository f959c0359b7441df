"""IAM policy documents as pure functions: ARNs in, JSON or one statement out.

Actions are those of the "Service Authorization Reference". A resource is `*`
only where the action knows no narrower one; `WITHOUT_RESOURCE` lists these,
with the reason, and the tests hold every policy of the program against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Statement = dict[str, Any]

# Actions that may stand beside resource "*", and why.
WITHOUT_RESOURCE = {
    "ec2:CreateNetworkInterface": "Lambda makes its interfaces before they have an id; denied to the code itself",
    "ec2:DescribeNetworkInterfaces": "knows no resource",
    "ec2:DescribeSubnets": "knows no resource",
    "ec2:DeleteNetworkInterface": "the id is not known when the policy is written; denied to the code itself",
    "ec2:AssignPrivateIpAddresses": "the id is not known when the policy is written; denied to the code itself",
    "ec2:UnassignPrivateIpAddresses": "the id is not known when the policy is written; denied to the code itself",
    "logs:DescribeLogGroups": "knows no resource",
    "xray:PutTraceSegments": "knows no resource",
    "xray:PutTelemetryRecords": "knows no resource",
}
_NETWORK_ACTIONS = [action for action in WITHOUT_RESOURCE if action.startswith("ec2:")]
_TRACE_ACTIONS = [action for action in WITHOUT_RESOURCE if action.startswith("xray:")]


def document(statements: Sequence[Statement]) -> str:
    """Write a policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Sequence[str], resources: str | Sequence[str], **more: Any) -> Statement:
    """Make a statement that allows `actions` on `resources`; `more` adds Principal, Condition or Sid."""
    return {"Effect": "Allow", **more, "Action": list(actions), "Resource": resources}


def trust(services: Sequence[str], account: str | None = None) -> str:
    """Write the trust policy that lets AWS services take a role, on behalf of `account` alone if given."""
    statement: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": "sts:AssumeRole",
    }
    if account is not None:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return document([statement])


# What functions and services may do


def write_logs(log_group_arn: str) -> Statement:
    """Write to one log group, which exists already."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{log_group_arn}:*")


def trace() -> Statement:
    """Send traces to X-Ray."""
    return allow(_TRACE_ACTIONS, "*")


def attach_to_network(function_arn: str) -> list[Statement]:
    """Let Lambda make a function's network interfaces, and forbid the function's own code to do so.

    Source: "Giving Lambda functions access to resources in an Amazon VPC" (execution role, best practice).
    """
    deny: Statement = {
        "Effect": "Deny",
        "Action": _NETWORK_ACTIONS,
        "Resource": "*",
        "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": [function_arn]}},
    }
    return [allow(_NETWORK_ACTIONS, "*"), deny]


def connect_to_database(cluster_arn: str, cluster_resource_id: str, user: str) -> Statement:
    """Log in to an Aurora cluster as one database user, with an IAM token.

    Source: "Creating and using an IAM policy for IAM database access" (Aurora).
    """
    partition, region, account = _owner(cluster_arn)
    arn = f"arn:{partition}:rds-db:{region}:{account}:dbuser:{cluster_resource_id}/{user}"
    return allow(["rds-db:connect"], arn)


def connect_to_cache(replication_group_arn: str, user_arn: str) -> Statement:
    """Log in to a cache as one of its users; both ARNs are needed ("Authenticating with IAM", ElastiCache)."""
    return allow(["elasticache:Connect"], [replication_group_arn, user_arn])


def read_secret(secret_arn: str) -> Statement:
    """Read one secret."""
    return allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], secret_arn)


def fill_secret(secret_arn: str) -> Statement:
    """Read and write one secret."""
    return allow(
        ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"], secret_arn
    )


def write_stream(stream_arn: str) -> Statement:
    """Put records ("Prerequisites for using a Kinesis data stream as a target", DMS)."""
    return allow(["kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords"], stream_arn)


def read_stream(stream_arn: str) -> Statement:
    """Read every shard ("Amazon Kinesis stream as a source", EventBridge Pipes)."""
    actions = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
    return allow([f"kinesis:{action}" for action in actions], stream_arn)


def publish(topic_arn: str) -> Statement:
    """Publish to one topic; batches need no further action."""
    return allow(["sns:Publish"], topic_arn)


def encrypt(key_arn: str) -> Statement:
    """Send to something that this key encrypts."""
    return allow(["kms:GenerateDataKey", "kms:Decrypt"], key_arn)


def send(queue_arn: str) -> Statement:
    """Send to one queue."""
    return allow(["sqs:SendMessage"], queue_arn)


def invoke(function_arn: str) -> Statement:
    """Invoke one function ("Set up the execution role", EventBridge Scheduler with Lambda)."""
    return allow(["lambda:InvokeFunction"], function_arn)


def receive(queue_arn: str) -> Statement:
    """Let an event source mapping work off one queue ("Using Lambda with Amazon SQS", execution role)."""
    return allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue_arn)


def send_mail(resources: Sequence[str], sender: str, only_to: str | None = None) -> Statement:
    """Send mails that come from one address, and, if given, go to one address.

    Args:
        resources: the sender's identity and the configuration set; SES asks for the right on both.

    Source: "Actions, resources, and condition keys for Amazon Simple Email Service v2".
    """
    condition: dict[str, dict[str, str]] = {"StringEquals": {"ses:FromAddress": sender}}
    if only_to is not None:
        condition["ForAllValues:StringEquals"] = {"ses:Recipients": only_to}
    return allow(["ses:SendEmail"], list(resources), Condition=condition)


def keep_records(table_arn: str) -> Statement:
    """Keep idempotency records in one table ("Idempotency", Powertools for AWS Lambda, required permissions)."""
    return allow([f"dynamodb:{action}Item" for action in ("Get", "Put", "Update", "Delete")], table_arn)


def write_flow_logs(log_group_arn: str) -> list[Statement]:
    """Write flow logs to one log group ("Publish flow logs to CloudWatch Logs", Amazon VPC)."""
    actions = ["CreateLogStream", "PutLogEvents", "DescribeLogStreams"]
    return [
        allow([f"logs:{action}" for action in actions], f"{log_group_arn}:*"),
        allow(["logs:DescribeLogGroups"], "*"),
    ]


# Policies on the resources themselves


def only_tls(actions: Sequence[str], arn: str) -> Statement:
    """Forbid to everybody what does not come by TLS.

    Source: "Enforce encryption of data in transit" (Amazon SNS and Amazon SQS security best practices).
    """
    return {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": list(actions),
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def from_topic(queue_arn: str, topic_arn: str) -> Statement:
    """Let one topic, and nobody else's, send to one queue."""
    return allow(
        ["sqs:SendMessage"],
        queue_arn,
        Sid="FromTopic",
        Principal={"Service": "sns.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": topic_arn}},
    )


def key_policy(partition: str, account: str, services: Sequence[str]) -> str:
    """Policy of a KMS key: IAM of the account rules over it, and `services` of the account may encrypt with it.

    In a key's policy the resource `*` is the key itself ("Key policies in AWS KMS"). CloudWatch names the account
    when it encrypts for a topic; EventBridge rules would not ("Managing Amazon SNS encryption keys").
    """
    owner = allow(["kms:*"], "*", Sid="Account", Principal={"AWS": f"arn:{partition}:iam::{account}:root"})
    use = allow(
        ["kms:GenerateDataKey*", "kms:Decrypt"],
        "*",
        Sid="Services",
        Principal={"Service": list(services)},
        Condition={"StringEquals": {"aws:SourceAccount": account}},
    )
    return document([owner, use])


def endpoint_policy(actions: Sequence[str], account: str) -> str:
    """Policy of a VPC endpoint: these actions with own credentials on own resources, so that nothing is carried out."""
    condition: Mapping[str, Any] = {
        "StringEquals": {"aws:PrincipalAccount": account},
        # Actions on no resource in particular carry no owner.
        "StringEqualsIfExists": {"aws:ResourceAccount": account},
    }
    return document([allow(actions, "*", Sid="OwnAccount", Principal="*", Condition=condition)])


def from_services(topic_arn: str, account: str, services: Sequence[str]) -> Statement:
    """Let `services` publish to one topic, on behalf of the account."""
    return allow(
        ["sns:Publish"],
        topic_arn,
        Sid="Services",
        Principal={"Service": list(services)},
        Condition={"StringEquals": {"aws:SourceAccount": account}},
    )


def _owner(arn: str) -> tuple[str, str, str]:
    """Partition, region and account of an ARN."""
    _, partition, _, region, account, _ = arn.split(":", 5)
    return partition, region, account
