"""Every physical name, and the rules that AWS has for them.

All names start with `<project>-<stack>`, or with what `namePrefix` says instead, so two stacks fit into
one account and region. IAM is one for all regions, so the names of roles carry the region too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.packaging import folders

API_STAGE = "prod"
# Functions that run on a schedule.
SCHEDULED = ("prune_outbox", "reconcile", "heartbeat")
# Roles besides those of the functions.
ROLES = ("pipe", "capture_source", "capture_target", "api_logs", "flow_logs")

_PREFIX = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# Longest allowed name of each kind, in characters, from the API reference of the service.
_LONGEST = {
    "DMS resource identifier": 31,
    "ElastiCache replication group": 40,
    "ElastiCache user": 40,
    "RDS or DMS identifier": 63,
    "IAM role": 64,
    "Lambda function": 64,
    "SES configuration set": 64,
    "EventBridge pipe": 64,
    "SQS queue": 80,
    "Kinesis stream": 128,
    "SNS topic": 256,
}


@dataclass(frozen=True)
class Names:
    """The physical names of one stack.

    Attributes:
        chosen: what every name starts with, where project and stack will not do.
    """

    project: str
    stack: str
    region: str
    chosen: str | None = None

    @property
    def prefix(self) -> str:
        """What every name starts with."""
        return self.chosen or f"{self.project}-{self.stack}"

    def named(self, what: str) -> str:
        """Name of something that has no rule of its own, such as a security group or an alarm."""
        return f"{self.prefix}-{_dashed(what)}"

    # Database
    @property
    def cluster(self) -> str:
        """Aurora cluster, and its subnet group."""
        return self.prefix

    def instance(self, number: int) -> str:
        """Aurora instance; numbers start at 1."""
        return f"{self.prefix}-{number}"

    def parameter_group(self, family: str) -> str:
        """Parameter group; holds the family, so that a new major version gets a group beside the old one."""
        return f"{self.prefix}-{family}"

    def secret_prefix(self, what: str) -> str:
        """Start of a secret's name; AWS adds the rest, so that a deleted secret's name does not block a new one."""
        return f"{self.prefix}/{what}-"

    # Change capture
    @property
    def replication(self) -> str:
        """DMS replication instance, and its subnet group."""
        return self.prefix

    @property
    def capture(self) -> str:
        """DMS task and its resource identifier, which ends its ARN and is a dimension of its metrics."""
        return f"{self.prefix}-outbox"

    @property
    def capture_log_group(self) -> str:
        """Log group that DMS writes to; the name is the service's."""
        return f"dms-tasks-{self.replication}"

    def capture_endpoint(self, side: str) -> str:
        """DMS endpoint: `source` or `target`."""
        return f"{self.prefix}-{side}"

    # Bus
    @property
    def events(self) -> str:
        """Kinesis stream, SNS topic and pipe of the events."""
        return f"{self.prefix}-events"

    @property
    def undelivered(self) -> str:
        """Queue of the records that the pipe gave up on."""
        return f"{self.prefix}-events-undelivered"

    @property
    def pipe_log_group(self) -> str:
        """Log group of the pipe; below /aws/vendedlogs/ AWS needs no resource policy for it."""
        return f"/aws/vendedlogs/pipes/{self.events}"

    def queue(self, consumer: str) -> str:
        """Queue of a consumer."""
        return f"{self.prefix}-{_dashed(consumer)}"

    def dead_letters(self, consumer: str) -> str:
        """Dead-letter queue of a consumer."""
        return f"{self.prefix}-{_dashed(consumer)}-dead"

    # Cache
    @property
    def cache(self) -> str:
        """ElastiCache subnet group and user group, and the replication group of one shard."""
        return self.prefix

    def cache_group(self, shards: int) -> str:
        """ElastiCache replication group.

        One of several shards has a name of its own: AWS turns none into the other and back, so a stack that changes
        gets the new group beside the old one.
        """
        return self.cache if shards == 1 else f"{self.cache}-shards"

    def cache_nodes(self, shards: int, nodes: int) -> dict[str, str]:
        """Nodes of the replication group as CloudWatch calls them, by number: `2`, or `3-2` in the third shard.

        Args:
            nodes: of each shard.
        """
        group, numbers = self.cache_group(shards), range(1, nodes + 1)
        if shards == 1:
            return {f"{number}": f"{group}-{number:03d}" for number in numbers}
        return {
            f"{shard}-{number}": f"{group}-{shard:04d}-{number:03d}"
            for shard in range(1, shards + 1)
            for number in numbers
        }

    def cache_user(self, role: str) -> str:
        """ElastiCache user, id and name alike, as IAM authentication asks."""
        return f"{self.prefix}-{role}"

    # Mails
    @property
    def mails(self) -> str:
        """SES configuration set, and DynamoDB table of the mails that were sent."""
        return f"{self.prefix}-mails"

    # Functions and API
    def function(self, folder: str) -> str:
        """Lambda function of a folder below functions/."""
        return f"{self.prefix}-{_dashed(folder)}"

    def function_log_group(self, folder: str) -> str:
        """Log group of a function."""
        return f"/aws/lambda/{self.function(folder)}"

    @property
    def api_log_group(self) -> str:
        """Access log of the API."""
        return f"/aws/apigateway/{self.prefix}"

    @property
    def flow_log_group(self) -> str:
        """Flow log of the network."""
        return f"/aws/vpc/{self.prefix}"

    def role(self, what: str) -> str:
        """IAM role."""
        return self.prefix + self.role_end(what)

    def role_end(self, what: str) -> str:
        """How the name of such a role ends, whatever stack of this program made it."""
        return f"-{_dashed(what)}-{self.region}"

    def problems(self) -> list[str]:
        """Say what AWS would refuse about these names, one sentence each; empty when all is well."""
        key = f"{self.project}:namePrefix"
        if not _PREFIX.fullmatch(self.prefix):
            whence = f"{key} makes" if self.chosen else f"project {self.project!r} and stack {self.stack!r} make"
            return [
                f"{whence} names that start with {self.prefix!r}; "
                "AWS takes lower-case letters, digits and single hyphens, with a letter first. "
                f"Rename the stack (`pulumi stack rename`), or `pulumi config set {key} <another start>`."
            ]
        over = [(len(name) - _LONGEST[kind], kind, name) for kind, name in self._all() if len(name) > _LONGEST[kind]]
        if not over:
            return []
        # All names share the prefix, so the one that is longest over its limit tells what to cut off.
        excess, kind, name = max(over)
        room = len(self.prefix) - excess
        shorter = f"a name for the stack that is shorter by {excess}, or " if len(self.stack) > excess else ""
        return [
            f"the {kind} would be called {name!r}, {len(name)} characters long; AWS allows {_LONGEST[kind]}. "
            f"Take {shorter}a prefix of at most {room} characters for all names: `pulumi config set {key} <prefix>`."
        ]

    def _all(self) -> Iterator[tuple[str, str]]:
        yield "DMS resource identifier", self.capture
        yield "ElastiCache replication group", self.cache_group(2)
        for role in ("reader", "writer", "operator", "inspector"):
            yield "ElastiCache user", self.cache_user(role)
        for name in (self.instance(10), self.capture_endpoint("source")):
            yield "RDS or DMS identifier", name
        for role in ROLES:
            yield "IAM role", self.role(role)
        # All that there are, also those that this stack does without. Any of them may be a consumer.
        for folder in folders():
            yield "IAM role", self.role(folder)
            yield "Lambda function", self.function(folder)
            yield "SQS queue", self.dead_letters(folder)
        for folder in SCHEDULED:
            yield "IAM role", self.role(f"{folder}_schedule")
        yield "SES configuration set", self.mails
        yield "SQS queue", self.undelivered
        yield "EventBridge pipe", self.events
        yield "Kinesis stream", self.events
        yield "SNS topic", self.events


def _dashed(name: str) -> str:
    return name.replace("_", "-")
