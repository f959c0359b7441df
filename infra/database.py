"""The write model: Aurora PostgreSQL Serverless v2, ready for logical replication from its first boot."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra import policies
from infra.access import Access, Reach, security_group
from infra.alarms import Alarm, raise_alarms
from infra.config import Config
from infra.names import Names
from infra.network import Network
from infra.shared import Shared

_ENGINE = "aurora-postgresql"
_PORT = 5432
_MASTER = "postgres"
# Roles that functions log in as; the migrate function makes them (functions/migrate/roles.py).
LOGIN_ROLES = ("app", "administrator", "maintenance", "operator")
_NEAR_LIMIT_PERCENT = 90
# Nobody waits longer for a database that does not answer, whatever the API would allow.
_LONGEST_ANSWER_MS = 8000


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """What the database is made of."""

    shared: Shared
    network: Network


class Database(pulumi.ComponentResource):
    """An Aurora cluster in private subnets, encrypted, with TLS required, and the secrets of its users.

    The secrets of `cdc` and, if they log in by secret, of LOGIN_ROLES are made here without a value: the
    migrate function, which makes the users, fills them, so that no password of theirs is ever in Pulumi's state.

    Attributes:
        login_secret_arns: by role; empty if the roles log in with IAM tokens.
        ready: what must exist before a connection can work.
    """

    cluster: aws.rds.Cluster
    host: pulumi.Output[str]
    port: pulumi.Output[int]
    reach: Reach
    master_secret_arn: pulumi.Output[str]
    capture_secret_arn: pulumi.Output[str]
    login_secret_arns: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:database:Database", name, None, opts)
        self._name, self._args = name, args
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        group = security_group(
            names.named("database"),
            "Aurora cluster",
            args.network.vpc_id,
            logical=f"{name}-group",
            parent=self,
        )
        self.cluster = self._cluster(group)
        self.ready = [
            aws.rds.ClusterInstance(
                f"{name}-instance-{number}",
                identifier=names.instance(number),
                cluster_identifier=self.cluster.id,
                engine=aws.rds.EngineType.AURORA_POSTGRESQL,
                # No version: that of the cluster, which upgrades its instances by itself.
                instance_class="db.serverless",
                publicly_accessible=False,
                # A long-term support release stays itself until the configuration says otherwise.
                auto_minor_version_upgrade=False,
                copy_tags_to_snapshot=True,
                promotion_tier=min(number - 1, 15),
                opts=child,
            )
            for number in range(1, config.database_instances + 1)
        ]
        # The port that the server says it listens on; the twin's is not the one asked for.
        self.host, self.port = self.cluster.endpoint, self.cluster.port
        self.reach = Reach("database", group.id, _PORT, behind=self.ready)
        self.master_secret_arn = self.cluster.master_user_secrets[0].secret_arn
        self.capture_secret_arn = self._secret("cdc", "Login of DMS, written by the migrate function")
        self.login_secret_arns = {
            role: self._secret(role, f"Login of functions as {role}, written by the migrate function")
            for role in (LOGIN_ROLES if config.database_auth == "secret" else ())
        }
        raise_alarms(alarms(config, names), shared=args.shared, parent=self)
        self.register_outputs({"cluster_arn": self.cluster.arn, "host": self.host, "port": self.port})

    @property
    def connection(self) -> dict[str, pulumi.Input[str]]:
        """Environment that says where the database is, without a user."""
        config = self._args.shared.config
        environment: dict[str, pulumi.Input[str]] = {
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": self.port.apply(lambda port: str(int(port))),
            "DATABASE_NAME": config.database_name,
            "DATABASE_SSLMODE": config.database_ssl_mode,
            # The function's own answer, a 503 if need be, comes before the API gives up.
            "DATABASE_ANSWER_MS": str(min(_LONGEST_ANSWER_MS, 800 * config.api_timeout)),
        }
        if config.database_ssl_root_cert is not None:
            environment["DATABASE_SSLROOTCERT"] = config.database_ssl_root_cert
        return environment

    @property
    def certificates(self) -> list[str]:
        """Files that a function needs to check the server's certificate."""
        path = self._args.shared.config.database_ssl_root_cert
        return [] if path is None else [path]

    def access(self, user: str) -> Access:
        """What a function needs to log in as `user`, one of LOGIN_ROLES, by an IAM token or by secret as configured."""
        auth, network = self._args.shared.config.database_auth, self._args.network
        environment = {**self.connection, "DATABASE_USER": user, "DATABASE_AUTH": auth}
        reaches = [self.reach]
        if auth == "iam":
            statement = pulumi.Output.all(self.cluster.arn, self.cluster.cluster_resource_id).apply(
                lambda both: policies.connect_to_database(both[0], both[1], user)
            )
        else:
            environment["DATABASE_SECRET_ARN"] = self.login_secret_arns[user]
            statement = self.login_secret_arns[user].apply(policies.read_secret)
            reaches.append(network.secrets)
        return Access(environment, [statement], reaches, network.placement, self.certificates)

    def _cluster(self, group: aws.ec2.SecurityGroup) -> aws.rds.Cluster:
        name, config, names, child = (
            self._name,
            self._args.shared.config,
            self._args.shared.names,
            pulumi.ResourceOptions(parent=self),
        )
        subnets = aws.rds.SubnetGroup(
            f"{name}-subnets",
            name=names.cluster,
            description=f"Private subnets of {names.prefix}",
            subnet_ids=self._args.network.placement.subnet_ids,
            opts=child,
        )
        parameters = aws.rds.ClusterParameterGroup(
            f"{name}-parameters",
            name=names.parameter_group(config.database_family),
            family=config.database_family,
            description=f"Logical replication and TLS for {names.prefix}",
            parameters=_parameters(tls=config.database_ssl_mode != "disable"),
            opts=child,
        )
        # Made before Aurora would, which sets no retention.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/rds/cluster/{names.cluster}/postgresql",
            retention_in_days=config.log_retention_days,
            opts=child,
        )
        return aws.rds.Cluster(
            f"{name}-cluster",
            cluster_identifier=names.cluster,
            engine=_ENGINE,
            engine_mode="provisioned",
            engine_version=config.database_version,
            database_name=config.database_name,
            port=_PORT,
            master_username=_MASTER,
            manage_master_user_password=True,
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=config.database_min_acu, max_capacity=config.database_max_acu
            ),
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
            vpc_security_group_ids=[group.id],
            backup_retention_period=config.database_backup_days,
            copy_tags_to_snapshot=True,
            enabled_cloudwatch_logs_exports=["postgresql"],
            deletion_protection=config.deletion_protection,
            skip_final_snapshot=not config.final_snapshot,
            final_snapshot_identifier=self._final_snapshot() if config.final_snapshot else None,
            apply_immediately=config.apply_immediately,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs], protect=config.deletion_protection),
        )

    def _final_snapshot(self) -> pulumi.Output[str]:
        # A snapshot outlives its cluster: without a part of its own, the name would be taken the next time.
        part = random.RandomId(
            f"{self._name}-snapshot",
            byte_length=4,
            keepers={"cluster": self._args.shared.names.cluster},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.concat(self._args.shared.names.named("final"), "-", part.hex)

    def _secret(self, user: str, description: str) -> pulumi.Output[str]:
        secret = aws.secretsmanager.Secret(
            f"{self._name}-{user}-secret",
            name_prefix=self._args.shared.names.secret_prefix(user),
            description=description,
            recovery_window_in_days=self._args.shared.config.secret_recovery_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return secret.arn


def alarms(config: Config, names: Names) -> list[Alarm]:
    """Slot, retained log and capacity. Source: "Amazon CloudWatch metrics for Amazon Aurora"."""
    writer = {"DBClusterIdentifier": names.cluster, "Role": "WRITER"}
    return [
        Alarm(
            name="slot-lag",
            meaning="DMS does not keep up with the log, or has stopped: see docs/operations.md.",
            namespace="AWS/RDS",
            metric="OldestReplicationSlotLag",
            dimensions=writer,
            threshold=config.alarm_slot_bytes,
            periods=5,
        ),
        Alarm(
            name="retained-log",
            meaning="The database keeps transaction log for a slot that nobody reads; the disk grows, and the bill.",
            namespace="AWS/RDS",
            metric="TransactionLogsDiskUsage",
            dimensions=writer,
            threshold=2 * config.alarm_slot_bytes,
            periods=5,
        ),
        Alarm(
            name="capacity",
            meaning="Aurora runs at its largest capacity: raise databaseMaxAcu.",
            namespace="AWS/RDS",
            metric="ACUUtilization",
            dimensions={"DBClusterIdentifier": names.cluster},
            statistic="Average",
            threshold=_NEAR_LIMIT_PERCENT,
            periods=10,
        ),
    ]


def _parameters(*, tls: bool) -> list[aws.rds.ClusterParameterGroupParameterArgs]:
    values = [("rds.logical_replication", "1", "pending-reboot"), ("rds.force_ssl", str(int(tls)), "immediate")]
    return [
        aws.rds.ClusterParameterGroupParameterArgs(name=name, value=value, apply_method=method)
        for name, value, method in values
    ]
