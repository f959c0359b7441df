"""Limits that AWS documents and the API models leave out: attributes and identifiers are free text there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.cloud import sqs
from twin.cloud.kind import Unknown


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a property may be.

    Args:
        low: smallest number.
        high: largest number; for a text, its length in characters; for a map, of all its keys and values in bytes.
        only: the only values.
        pattern: of the whole text.
        said: the pattern in words.
    """

    low: int | None = None
    high: int | None = None
    only: Collection[Any] = ()
    pattern: str = ""
    said: str = ""

    def broken(self, path: str, value: Any) -> Iterator[str]:
        """Say how a value breaks the limit, without a subject."""
        size = _size(value)
        if self.only and value not in self.only:
            yield f"{path} is {value!r}; it must be one of {', '.join(map(str, sorted(self.only)))}."
        if (self.low is not None and size < self.low) or (self.high is not None and size > self.high):
            what = value if isinstance(value, int | float) else f"of size {int(size)}"
            takes = f"up to {self.high}" if self.low is None else f"{self.low} to {self.high}"
            yield f"{path} is {what}; AWS takes {takes}."
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            yield f"{path} is {value!r}; it must be {self.said}."


def broken(typ: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Say which properties of a type are beyond what AWS documents."""
    for prop, limit in LIMITS.get(typ, {}).items():
        if inputs.get(prop) is not None and not isinstance(inputs[prop], Unknown):
            yield from limit.broken(prop, inputs[prop])


def _size(value: Any) -> float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        # The only maps with a limit are the variables of a function's environment.
        pairs = (value.get("variables") or {}).items()
        return sum(len(str(part).encode()) for pair in pairs for part in pair)
    return len(str(value))


def _named(longest: int) -> Limit:
    return Limit(
        high=longest,
        pattern=r"[a-zA-Z](-?[a-zA-Z0-9])*",
        said="letters, digits and single hyphens, a letter first and no hyphen last",
    )


_WORDS = r"[A-Za-z0-9_-]+(\.fifo)?"
_SECRET_NAME = Limit(high=512, pattern=r"[A-Za-z0-9/_+=.@-]+", said="letters, digits and /_+=.@-")
_GROUP_TEXT = Limit(
    high=255, pattern=r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*", said="letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"
)
_RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_WINDOW = Limit(low=7, high=30)

# From the API reference of each service (the operation that makes the resource) and its page of quotas.
LIMITS: dict[str, dict[str, Limit]] = {
    "aws:apigateway/authorizer:Authorizer": {"authorizerResultTtlInSeconds": Limit(low=0, high=3600)},
    "aws:apigateway/integration:Integration": {"timeoutMilliseconds": Limit(low=50, high=29000)},
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": Limit(only=_RETENTION_DAYS)},
    "aws:dms/endpoint:Endpoint": {"endpointId": _named(255)},
    "aws:dms/replicationInstance:ReplicationInstance": {
        "replicationInstanceId": _named(63),
        "allocatedStorage": Limit(low=5, high=6144),
    },
    "aws:dms/replicationTask:ReplicationTask": {
        "replicationTaskId": _named(255),
        "resourceIdentifier": _named(31),
    },
    "aws:ec2/securityGroup:SecurityGroup": {"name": _GROUP_TEXT, "description": _GROUP_TEXT},
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "replicationGroupId": _named(40),
        "snapshotRetentionLimit": Limit(low=0, high=35),
        "numCacheClusters": Limit(low=1, high=6),
        "numNodeGroups": Limit(low=1, high=500),
        "replicasPerNodeGroup": Limit(low=0, high=5),
    },
    "aws:elasticache/user:User": {"userId": _named(40)},
    "aws:elasticache/userGroup:UserGroup": {"userGroupId": _named(40)},
    "aws:iam/role:Role": {"assumeRolePolicy": Limit(high=2048)},
    "aws:iam/rolePolicy:RolePolicy": {"policy": Limit(high=10240)},
    "aws:kinesis/stream:Stream": {"retentionPeriod": Limit(low=24, high=8760)},
    "aws:kms/key:Key": {"deletionWindowInDays": _WINDOW, "policy": Limit(high=32768)},
    "aws:lambda/function:Function": {"environment": Limit(high=4096)},
    "aws:rds/cluster:Cluster": {
        "clusterIdentifier": _named(63),
        "finalSnapshotIdentifier": _named(255),
        "backupRetentionPeriod": Limit(low=1, high=35),
    },
    "aws:rds/clusterInstance:ClusterInstance": {"identifier": _named(63), "promotionTier": Limit(low=0, high=15)},
    "aws:secretsmanager/secret:Secret": {
        "name": _SECRET_NAME,
        "namePrefix": _SECRET_NAME,
        "recoveryWindowInDays": Limit(only=(0, *range(7, 31))),
    },
    "aws:sns/topic:Topic": {"name": Limit(high=256, pattern=_WORDS, said="letters, digits, - and _")},
    "aws:sqs/queue:Queue": {
        "name": Limit(high=80, pattern=_WORDS, said="letters, digits, - and _"),
        **{prop: Limit(low=low, high=high) for prop, (low, high, _) in sqs.RANGES.items()},
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {"description": _GROUP_TEXT},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"description": _GROUP_TEXT},
}  # fmt: skip
