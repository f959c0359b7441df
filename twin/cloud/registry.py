"""Which resource types the twin makes real, which it records, and which it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from twin.cloud import (
    authorizers,
    caches,
    capture,
    databases,
    dynamodb,
    functions,
    iam,
    kinesis,
    logs,
    mail,
    mappings,
    pipes,
    plans,
    randomness,
    rest_api,
    schedules,
    secretsmanager,
    sns,
    sqs,
    stages,
)
from twin.cloud.errors import UnsupportedTypeError
from twin.cloud.kind import Kind
from twin.cloud.recorded import SHAPES, recorded
from twin.cloud.sdk import type_info

FAMILIES = (
    authorizers, caches, capture, databases, dynamodb, functions, iam, kinesis, logs, mail, mappings, pipes, plans,
    randomness, rest_api, schedules, secretsmanager, sns, sqs, stages,
)  # fmt: skip

# Services through which data of a program pass, or which run its code. A type of theirs that is neither made
# real nor in the table of recorded types is refused: recorded silently, it would lose data without a word.
DATA_SERVICES = frozenset(
    {
        "apigateway", "apigatewayv2", "apprunner", "appsync", "athena", "batch", "cloudfront", "cognito", "dms",
        "docdb", "dsql", "dynamodb", "ecs", "efs", "eks", "elasticache", "elasticbeanstalk", "elasticsearch", "emr",
        "fsx", "glue", "iot", "keyspaces", "kinesis", "kinesisanalyticsv2", "lambda", "lb", "memorydb", "mq", "msk",
        "mskconnect", "neptune", "opensearch", "pipes", "rds", "redshift", "redshiftserverless", "s3", "s3tables",
        "scheduler", "secretsmanager", "ses", "sesv2", "sfn", "sns", "sqs", "ssm", "timestreamwrite", "transfer",
    }
)  # fmt: skip
# Types that carry data though most of their service does not, and types that do not though it does.
DATA_TYPES = frozenset(
    {
        "aws:cloudwatch/eventApiDestination:EventApiDestination", "aws:cloudwatch/eventArchive:EventArchive",
        "aws:cloudwatch/eventBus:EventBus", "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget", "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
        "aws:ec2/instance:Instance",
    }
)  # fmt: skip
HARMLESS_TYPES = frozenset(
    {
        "aws:dms/eventSubscription:EventSubscription",
        "aws:lambda/codeSigningConfig:CodeSigningConfig",
        "aws:rds/eventSubscription:EventSubscription",
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "aws:sns/topicDataProtectionPolicy:TopicDataProtectionPolicy",
    }
)


@cache
def kinds() -> Mapping[str, Kind]:
    """Give the types that the twin makes real or keeps, by token."""
    return {kind.typ: kind for family in FAMILIES for kind in family.KINDS}


def kind_of(token: str) -> Kind:
    """Find what the twin does for a resource type.

    Raises:
        UnsupportedTypeError: the type carries data, or belongs to a provider that the twin does not stand in for.
    """
    kind = kinds().get(token)
    if kind is not None:
        return kind
    package, _, rest = token.partition(":")
    if package != "aws":
        raise UnsupportedTypeError(
            f"The twin stands in for the providers aws and random, not for {package!r} (resource type {token}). "
            "Leave the resource out on this stack, or add the type in twin/cloud/registry.py."
        )
    if carries_data(token):
        raise UnsupportedTypeError(
            f"The twin cannot make {token}: it carries data, so it may not merely be recorded. Add its kind to the "
            f"module of its family in twin/cloud/ ({rest.partition('/')[0]}) and that to FAMILIES in "
            "twin/cloud/registry.py; if it carries no data after all, add it to SHAPES in twin/cloud/recorded.py."
        )
    return recorded(token)


def secret_outputs(token: str) -> frozenset[str]:
    """Give the outputs of a type that are secret whatever its inputs were."""
    kind, info = kinds().get(token), type_info(token)
    return (kind.secret_outputs if kind else frozenset()) | (info.secrets if info else frozenset())


def carries_data(token: str) -> bool:
    """Tell whether a type that the twin does not know may not merely be recorded."""
    if token in SHAPES or token in HARMLESS_TYPES:
        return False
    service = token.partition(":")[2].partition("/")[0]
    return token in DATA_TYPES or service in DATA_SERVICES


def coverage() -> list[tuple[str, str]]:
    """List the types that the twin knows by name, with what it does for each: real, kept or recorded."""
    known = {token: kind.coverage for token, kind in kinds().items()}
    return sorted({**dict.fromkeys((*SHAPES, *HARMLESS_TYPES), "recorded"), **known}.items())
