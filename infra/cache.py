"""The read model's home: ElastiCache for Valkey, with TLS and IAM users for reading, writing and looking after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.access import Access, Reach, security_group
from infra.alarms import Alarm, raise_alarms
from infra.config import Config
from infra.names import Names
from infra.network import Network
from infra.shared import Shared

_ENGINE = "valkey"
_PORT = 6379
_NEAR_FULL_PERCENT = 80
_LONGEST_ANSWER_MS = 6000

CacheRole = Literal["reader", "writer", "operator", "inspector"]

# Keys of the read model's generations, which of them is read, and its heartbeat. The operator rebuilds and reconciles:
# it notes the positions of its walks, asks for the server's clock, and how full the server is. The inspector looks at
# the server, and at no client. No command that empties the whole cache.
_WRITE = "-@all +@read +@write +@connection +@scripting +@transaction -@dangerous"
_PERMISSIONS: dict[CacheRole, str] = {
    "reader": "on ~client:* ~b:client:* ~read_model ~heartbeat -@all +@read +@connection -@dangerous",
    "writer": f"on ~client:* ~b:client:* ~read_model ~heartbeat {_WRITE}",
    "operator": f"on ~client:* ~b:client:* ~read_model ~reconcile {_WRITE} +time +info",
    "inspector": "on ~heartbeat -@all +@connection -@dangerous +info +dbsize +hmget",
}


def permissions(shards: int) -> dict[CacheRole, str]:
    """Access strings of the users. A client of several shards asks which of them has what."""
    return {role: rights if shards == 1 else f"{rights} +cluster|slots" for role, rights in _PERMISSIONS.items()}


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """What the cache is made of."""

    shared: Shared
    network: Network


class Cache(pulumi.ComponentResource):
    """A Valkey replication group in private subnets, encrypted at rest and, as configured, on the way."""

    group: aws.elasticache.ReplicationGroup
    host: pulumi.Output[str]
    port: pulumi.Output[int]

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:cache:Cache", name, None, opts)
        self._name, self._args = name, args
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        walls = security_group(
            names.named("cache"),
            "ElastiCache nodes",
            args.network.vpc_id,
            logical=f"{name}-group",
            parent=self,
        )
        subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            name=names.cache,
            description=f"Private subnets of {names.prefix}",
            subnet_ids=args.network.placement.subnet_ids,
            opts=child,
        )
        self._users: dict[CacheRole, aws.elasticache.User] = {}
        sharded = config.cache_shards > 1
        user_group = self._user_group() if config.cache_auth == "iam" else None
        self.group = aws.elasticache.ReplicationGroup(
            f"{name}-nodes",
            replication_group_id=names.cache_group(config.cache_shards),
            description=f"Read model of {names.prefix}",
            engine=_ENGINE,
            engine_version=config.cache_version,
            node_type=config.cache_node_type,
            num_cache_clusters=None if sharded else config.cache_nodes,
            num_node_groups=config.cache_shards if sharded else None,
            replicas_per_node_group=config.cache_nodes - 1 if sharded else None,
            parameter_group_name=config.sharded_cache_parameters if sharded else None,
            # Several shards are not taken without, even where no shard has a node to fail over to.
            automatic_failover_enabled=sharded or config.cache_nodes > 1,
            multi_az_enabled=config.cache_multi_az,
            port=_PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[walls.id],
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=config.cache_tls,
            transit_encryption_mode="required" if config.cache_tls else None,
            user_group_ids=[user_group.user_group_id] if user_group is not None else None,
            snapshot_retention_limit=config.cache_snapshot_days,
            # Stays the version that the configuration names, as the database does.
            auto_minor_version_upgrade=False,
            apply_immediately=config.apply_immediately,
            opts=child,
        )
        self.host = self.group.configuration_endpoint_address if sharded else self.group.primary_endpoint_address
        # The port that the server says it listens on; the twin's is not the one asked for.
        self.port = self.group.port.apply(lambda port: port or _PORT)
        self._reach = Reach("cache", walls.id, _PORT, behind=[self.group])
        raise_alarms(alarms(config, names), shared=args.shared, parent=self)
        self.register_outputs({"host": self.host, "port": self.port})

    def access(self, role: CacheRole) -> Access:
        """What a function needs to use the cache in a role."""
        config = self._args.shared.config
        environment: dict[str, pulumi.Input[str]] = {
            "CACHE_HOST": self.host,
            "CACHE_PORT": self.port.apply(lambda port: str(int(port))),
            "CACHE_TLS": str(config.cache_tls).lower(),
            "CACHE_AUTH": config.cache_auth,
            "CACHE_USER": self._args.shared.names.cache_user(role),
            # What a token is signed for: the group, whatever its endpoints are called.
            "CACHE_NAME": self._args.shared.names.cache_group(config.cache_shards),
            # After the longest wait for a version there is still time to answer; see config_rules.py.
            "CACHE_ANSWER_MS": str(min(_LONGEST_ANSWER_MS, config.api_timeout * 1000 - config.read_wait_ms - 500)),
        }
        if config.cache_shards > 1:
            environment["CACHE_CLUSTER"] = "true"
        user = self._users.get(role)
        placement = self._args.network.placement
        if user is None:
            return Access(environment=environment, reaches=[self._reach], placement=placement)
        login = pulumi.Output.all(self.group.arn, user.arn).apply(
            lambda both: policies.connect_to_cache(both[0], both[1])
        )
        return Access(environment=environment, statements=[login], reaches=[self._reach], placement=placement)

    def _user_group(self) -> aws.elasticache.UserGroup:
        names, child = self._args.shared.names, pulumi.ResourceOptions(parent=self)
        shards = self._args.shared.config.cache_shards
        self._users = {
            role: aws.elasticache.User(
                f"{self._name}-{role}",
                # IAM authentication wants id and name to be the same.
                user_id=names.cache_user(role),
                user_name=names.cache_user(role),
                engine=_ENGINE,
                access_string=access_string,
                authentication_mode=aws.elasticache.UserAuthenticationModeArgs(type="iam"),
                opts=child,
            )
            for role, access_string in permissions(shards).items()
        }
        # A group for Valkey, unlike one for Redis, holds no user named default: nobody gets in without IAM.
        return aws.elasticache.UserGroup(
            f"{self._name}-users",
            user_group_id=names.cache,
            engine=_ENGINE,
            user_ids=[user.user_id for user in self._users.values()],
            opts=child,
        )


def alarms(config: Config, names: Names) -> list[Alarm]:
    """Memory and processor of each node. Source: "Metrics for Valkey and Redis OSS" (ElastiCache)."""
    found: list[Alarm] = []
    more = "" if config.cache_shards == 1 else ", or more cacheShards"
    for number, name in names.cache_nodes(config.cache_shards, config.cache_nodes).items():
        node = {"CacheClusterId": name}
        found.append(
            Alarm(
                name=f"cache-{number}-memory",
                meaning=f"The cache is nearly full: take a larger cacheNodeType{more}.",
                namespace="AWS/ElastiCache",
                metric="DatabaseMemoryUsagePercentage",
                dimensions=node,
                threshold=_NEAR_FULL_PERCENT,
                periods=5,
            )
        )
        found.append(
            Alarm(
                name=f"cache-{number}-processor",
                meaning=f"The cache's engine is busy all the time: take a larger cacheNodeType{more}.",
                namespace="AWS/ElastiCache",
                metric="EngineCPUUtilization",
                dimensions=node,
                statistic="Average",
                threshold=_NEAR_FULL_PERCENT,
                periods=10,
            )
        )
    return found
