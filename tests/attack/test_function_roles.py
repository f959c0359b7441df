"""Each role of the program tries every action on everything: what is not in the table is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from policy.graph import Resource
from tests.attack.roles import DANGEROUS, REGION, allows, calls, documents, graph, resources, short, takes
from tests.infra.made import ACCOUNT
from tests.twin.emulator.functions import make_role
from twin.aws_clients import client_maker
from twin.emulator import Emulator

CONSUME = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READ_SECRET = ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
READ_STREAM = tuple(
    f"kinesis:{name}"
    for name in (
        "DescribeStream",
        "DescribeStreamSummary",
        "GetRecords",
        "GetShardIterator",
        "ListShards",
    )
)
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def database(user: str) -> dict[str, tuple[str, ...]]:
    return {f"dbuser:cluster-RESOURCE/{user}": ("rds-db:connect",)}


def cache(user: str) -> dict[str, tuple[str, ...]]:
    return {
        "replicationgroup:orders-prod": ("elasticache:Connect",),
        f"user:orders-prod-{user}": ("elasticache:Connect",),
    }


def schedule(name: str) -> dict[str, tuple[str, ...]]:
    return {
        f"function:orders-prod-{name}": ("lambda:InvokeFunction",),
        f"orders-prod-{name}-dead": ("sqs:SendMessage",),
    }


# What each role may do, by the end of the ARN, besides its log, traces and Lambda's network interfaces.
MAY: dict[str, dict[str, tuple[str, ...]]] = {
    "authorize": {"secret:orders-prod/api-": READ_SECRET},
    "place-order": database("app"),
    "administer": database("administrator"),
    "get-client": cache("reader"),
    "list-orders": cache("reader"),
    "project-clients": {**cache("writer"), "orders-prod-project-clients": CONSUME},
    "notify-client": {
        "orders-prod-notify-client": CONSUME,
        "table/orders-prod-mails": tuple(f"dynamodb:{name}Item" for name in ("Get", "Put", "Update", "Delete")),
    },
    "migrate": {
        "secret:rds!cluster-": READ_SECRET,
        "secret:orders-prod/cdc-": (*READ_SECRET, "secretsmanager:PutSecretValue"),
    },
    "prune-outbox": database("maintenance"),
    "reconcile": {**database("operator"), **cache("operator")},
    "heartbeat": {**database("operator"), **cache("reader")},
    "inspect-stores": {**database("operator"), **cache("inspector")},
    "prune-outbox-schedule": schedule("prune-outbox"),
    "reconcile-schedule": schedule("reconcile"),
    "heartbeat-schedule": schedule("heartbeat"),
    "capture-source": {"secret:orders-prod/cdc-": READ_SECRET},
    "capture-target": {
        "stream/orders-prod-events": ("kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords")
    },
    "pipe": {
        "stream/orders-prod-events": READ_STREAM,
        "orders-prod-events": ("sns:Publish",),
        "key/": ("kms:GenerateDataKey", "kms:Decrypt"),
        "orders-prod-events-undelivered": ("sqs:SendMessage",),
        "log-group:/aws/vendedlogs/pipes/orders-prod-events:log-stream:x": LOG,
    },
    "flow-logs": {"log-group:/aws/vpc/orders-prod:log-stream:x": (*LOG, "logs:DescribeLogStreams")},
    "dms-vpc-role": {},
    "dms-cloudwatch-logs-role": {},
    "api-logs": {},
}
FUNCTIONS = {
    role
    for role, may in MAY.items()
    if role not in ("pipe", "flow-logs") and "-schedule" not in role and not role.startswith(("dms", "api", "capture"))
}
# Actions on nothing in particular.
ANYWHERE = {
    "xray:PutTraceSegments": FUNCTIONS,
    "xray:PutTelemetryRecords": FUNCTIONS,
    "logs:DescribeLogGroups": {"flow-logs"},
}

STACK = graph()
ROLES = {short(role): role for role in STACK.of("aws:iam/role:Role")}
ARNS = sorted(set(resources(STACK)))
ACTIONS = sorted(
    {
        *DANGEROUS,
        *(
            action
            for role in ROLES.values()
            for policy in documents(STACK, role)
            for statement in policy
            for action in statement.actions
        ),
    }
)


def own_code(name: str) -> dict[str, str]:
    """What AWS says of a request that the code of a function makes."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders-prod-{name}"
    return {"lambda:sourcefunctionarn": arn} if name in FUNCTIONS else {}


def test_every_role_is_in_the_table() -> None:
    assert set(MAY) == set(ROLES)


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_role_may_what_it_is_for_and_nothing_else(name: str) -> None:
    role = ROLES[name]
    policies, more = documents(STACK, role), own_code(name)
    expected = dict(MAY[name])
    if name in FUNCTIONS:
        expected[f"log-group:/aws/lambda/orders-prod-{name}:log-stream:x"] = LOG

    def meant(action: str, arn: str) -> bool:
        if name in ANYWHERE.get(action, ()):
            return True
        own, _, end = arn.partition(f":{ACCOUNT}:")
        return bool(own) and any(
            action in actions and (end.startswith(part) if part.endswith("-") or part == "key/" else end == part)
            for part, actions in expected.items()
        )

    wrong = [
        (action, arn)
        for action in ACTIONS
        if takes(policies, action) or any(action in actions for actions in expected.values())
        for arn in ARNS
        if allows(policies, role, action, arn, more) != (meant(action, arn) and _of_service(action, arn, name))
    ]
    assert wrong == []


def _of_service(action: str, arn: str, name: str) -> bool:
    """Names repeat among services: a topic and a stream may be called the same."""
    if name in ANYWHERE.get(action, ()):
        return True
    service = action.partition(":")[0]
    return arn.split(":")[2] == service


def test_the_network_is_lambdas_and_not_the_codes() -> None:
    for name in ("place-order", "get-client", "migrate"):
        policies, role = documents(STACK, ROLES[name]), ROLES[name]
        assert allows(policies, role, "ec2:CreateNetworkInterface", "*", {})
        assert not allows(policies, role, "ec2:CreateNetworkInterface", "*", own_code(name))


@pytest.mark.parametrize(
    ("sender", "recipient", "allowed"),
    [
        ("orders@shop.example", "success@simulator.amazonses.com", True),
        ("boss@shop.example", "success@simulator.amazonses.com", False),
    ],
)
def test_mails_come_from_one_address(sender: str, recipient: str, allowed: bool) -> None:
    role = ROLES["notify-client"]
    arn = next(arn for arn in ARNS if ":identity/" in arn and ACCOUNT in arn)
    more = {"ses:fromaddress": sender, "ses:recipients": [recipient]}
    assert allows(documents(STACK, role), role, "ses:SendEmail", arn, more) == allowed


# The same, enforced: requests signed with each role's session, at a service that knows the policies.


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that enforces policies, with the stack's stream, topic, queues, table and secrets."""
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), account=ACCOUNT, region=REGION, enforce_iam=True)
    emulator.start()
    emulator.client("kinesis").create_stream(StreamName="orders-prod-events", ShardCount=1)
    emulator.client("sns").create_topic(Name="orders-prod-events")
    for name in ("project-clients", "project-clients-dead", "notify-client", "events-undelivered"):
        emulator.client("sqs").create_queue(QueueName=f"orders-prod-{name}")
    emulator.client("dynamodb").create_table(
        TableName="orders-prod-mails",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield emulator
    emulator.stop()


@pytest.mark.parametrize(
    "name", ["place-order", "get-client", "project-clients", "notify-client", "pipe", "authorize", "capture-target"]
)
def test_what_is_decided_is_enforced(enforcing: Emulator, name: str) -> None:
    role: Resource = ROLES[name]
    service = "lambda.amazonaws.com"
    statements = [
        one
        for policy in STACK.users(role, "role", "RolePolicy")
        for one in json.loads(policy.inputs["policy"])["Statement"]
    ]
    clients = client_maker(enforcing.role_aws(make_role(enforcing, service, *statements), service))
    policies = documents(STACK, role)
    for queue in ("orders-prod-project-clients", "orders-prod-notify-client", "orders-prod-events-undelivered"):
        for service, action, end, request in calls(queue):
            arn = end if end == "*" else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{end}"
            method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in action).lstrip("_")
            refused = False
            try:
                getattr(clients(service), method)(**request)
            except ClientError as error:
                refused = "not authorized" in str(error) or "AccessDenied" in str(error)
            assert refused != allows(policies, role, f"{service}:{action}", arn, {}), (action, arn)
