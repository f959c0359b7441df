"""Regions that have every service of the program, and what the others lack.

From the endpoints that the AWS SDK ships (botocore 1.43); a test holds these tables against it. Only regions
of the partition `aws`: those of AWS China and GovCloud have other names for VPC endpoints and service
principals, or no EventBridge Pipes.
"""

from __future__ import annotations

# Services by their name in botocore, and by the one that a reader knows.
SERVICES = {
    "apigateway": "API Gateway",
    "cloudwatch": "CloudWatch",
    "dms": "Database Migration Service",
    "ec2": "VPC",
    "elasticache": "ElastiCache",
    "kinesis": "Kinesis Data Streams",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "pipes": "EventBridge Pipes",
    "rds": "Aurora",
    "scheduler": "EventBridge Scheduler",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
}

COMPLETE = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
        *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ca-central-1", "eu-central-1", "eu-central-2"),
        *("eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "me-central-1"),
        *("me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)

# Service, by its name in botocore, and the regions without it.
LACKING = {
    "pipes": frozenset(
        {
            *("ap-east-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
            *("ca-west-1", "il-central-1", "mx-central-1"),
        }
    )
}

# Regions that are complete but for SES, which only stacks that send mails need.
WITHOUT_MAIL = frozenset({"ap-east-1", "eu-south-2"})

_OTHER_PARTITIONS = {
    "cn-": "AWS China",
    "us-gov-": "AWS GovCloud",
    "us-iso": "an isolated partition",
    "eusc-": "the European Sovereign Cloud",
}


def region_problem(region: str, project: str, *, is_new: bool) -> str | None:
    """Say why the program cannot be deployed to a region; None if it can.

    Args:
        project: namespace of the configuration keys.
        is_new: the region may have what these tables do not know of.
    """
    key, override = f"{project}:region", f"{project}:regionIsNew"
    for start, partition in _OTHER_PARTITIONS.items():
        if region.startswith(start):
            return (
                f"{key} {region} belongs to {partition}, where endpoints and principals have other names: "
                "take a region of the commercial partition, such as eu-central-1."
            )
    if is_new or region in COMPLETE:
        return None
    lacking = [SERVICES[service] for service, regions in LACKING.items() if region in regions]
    if lacking:
        return (
            f"{key} {region} has no {' and no '.join(lacking)}, as far as this version of the program knows. "
            f"Take another region, or, if AWS has it there by now: `pulumi config set {override} true`."
        )
    return (
        f"{key} {region} is no region that this version of the program knows. "
        f"If it is one: `pulumi config set {override} true`."
    )
