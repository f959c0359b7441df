"""Change capture: a DMS task that carries new outbox rows from the transaction log to the stream.

Sources: "Using a PostgreSQL database as an AWS DMS source", "Using Amazon Kinesis Data
Streams as a target" and "Using secrets to access AWS DMS endpoints" in the DMS user guide.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import mappings, policies
from infra.access import open_path, security_group
from infra.account import AccountSettings
from infra.alarms import Alarm, raise_alarms
from infra.bus import Bus
from infra.config import Config
from infra.database import Database
from infra.migrations import Migrations
from infra.names import Names
from infra.network import Network
from infra.shared import Shared

SCHEMA, TABLE, KEY = "public", "outbox", "aggregate_id"
# Schema that the user cdc may create its heartbeat table in; public is closed to it.
_HEARTBEAT_SCHEMA = "cdc"
_HEARTBEAT_MINUTES = 1


@dataclass(frozen=True, kw_only=True)
class ChangeCaptureArgs:
    """What the change capture is made of."""

    shared: Shared
    account: AccountSettings
    network: Network
    database: Database
    migrations: Migrations
    bus: Bus


class ChangeCapture(pulumi.ComponentResource):
    """A DMS replication instance, its two endpoints and its task, which starts once the schema is there.

    The task is destroyed before all that it needs to drop its replication slot.
    """

    task: aws.dms.ReplicationTask

    def __init__(self, name: str, args: ChangeCaptureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:capture:ChangeCapture", name, None, opts)
        self._name, self._args = name, args
        config, names, child = args.shared.config, args.shared.names, pulumi.ResourceOptions(parent=self)
        group = security_group(
            names.named("capture"), "DMS instance", args.network.vpc_id, logical=f"{name}-group", parent=self
        )
        services = (args.network.secrets, args.network.streams)
        paths = [
            path
            for reach in (args.database.reach, *services)
            for path in open_path(name, "DMS", group.id, reach, parent=self)
        ]
        instance = self._instance(group)
        source, target = self._source(), self._target()
        # Made before DMS would, which sets no retention.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs", name=names.capture_log_group, retention_in_days=config.log_retention_days, opts=child
        )
        endpoints = [endpoint for reach in services for endpoint in reach.behind]
        self.task = aws.dms.ReplicationTask(
            f"{name}-task",
            replication_task_id=names.capture,
            resource_identifier=names.capture,
            replication_instance_arn=instance.replication_instance_arn,
            source_endpoint_arn=source.endpoint_arn,
            target_endpoint_arn=target.endpoint_arn,
            migration_type="full-load-and-cdc",
            table_mappings=mappings.table_mappings(SCHEMA, TABLE, KEY),
            replication_task_settings=mappings.task_settings(),
            start_replication_task=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.migrations.done, logs, *paths, *endpoints, *args.database.ready],
                # A second task of the same name is refused.
                delete_before_replace=True,
            ),
        )
        raise_alarms(alarms(config, names), shared=args.shared, parent=self, after=[self.task])
        self.register_outputs({"task_arn": self.task.replication_task_arn})

    def _instance(self, group: aws.ec2.SecurityGroup) -> aws.dms.ReplicationInstance:
        name, config, names = self._name, self._args.shared.config, self._args.shared.names
        subnets = aws.dms.ReplicationSubnetGroup(
            f"{name}-subnets",
            replication_subnet_group_id=names.replication,
            replication_subnet_group_description=f"Private subnets of {names.prefix}",
            subnet_ids=self._args.network.placement.subnet_ids,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._args.account.capture_roles),
        )
        return aws.dms.ReplicationInstance(
            f"{name}-instance",
            replication_instance_id=names.replication,
            replication_instance_class=config.capture_class,
            allocated_storage=config.capture_storage_gb,
            engine_version=config.capture_version,
            multi_az=config.capture_multi_az,
            publicly_accessible=False,
            # A version that the configuration names stays until the configuration names another.
            auto_minor_version_upgrade=config.capture_version is None,
            apply_immediately=config.apply_immediately,
            replication_subnet_group_id=subnets.replication_subnet_group_id,
            vpc_security_group_ids=[group.id],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=self._args.account.capture_roles,
                delete_before_replace=True,
            ),
        )

    def _source(self) -> aws.dms.Endpoint:
        name, args, names = self._name, self._args, self._args.shared.names
        secret = args.database.capture_secret_arn
        role, policy = self._role("source", secret.apply(policies.read_secret))
        return aws.dms.Endpoint(
            f"{name}-source",
            endpoint_id=names.capture_endpoint("source"),
            endpoint_type="source",
            engine_name="aurora-postgresql",
            database_name=args.shared.config.database_name,
            secrets_manager_arn=secret,
            secrets_manager_access_role_arn=role.arn,
            ssl_mode="none" if args.shared.config.database_ssl_mode == "disable" else "require",
            postgres_settings=aws.dms.EndpointPostgresSettingsArgs(
                plugin_name="test-decoding",
                # Would need a superuser, to log DDL that nobody asks for.
                capture_ddls=False,
                # Moves the slot on while nobody orders; without it an idle database fills its disk.
                heartbeat_enable=True,
                heartbeat_schema=_HEARTBEAT_SCHEMA,
                heartbeat_frequency=_HEARTBEAT_MINUTES,
                fail_tasks_on_lob_truncation=True,
            ),
            pause_replication_tasks=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[policy, args.migrations.done],
                delete_before_replace=True,
            ),
        )

    def _target(self) -> aws.dms.Endpoint:
        name, args = self._name, self._args
        role, policy = self._role("target", args.bus.stream.arn.apply(policies.write_stream))
        return aws.dms.Endpoint(
            f"{name}-target",
            endpoint_id=args.shared.names.capture_endpoint("target"),
            endpoint_type="target",
            engine_name="kinesis",
            kinesis_settings=aws.dms.EndpointKinesisSettingsArgs(
                stream_arn=args.bus.stream.arn,
                service_access_role_arn=role.arn,
                message_format="json",
                include_control_details=False,
                include_null_and_empty=False,
                include_partition_value=False,
                include_table_alter_operations=False,
                include_transaction_details=False,
                partition_include_schema_table=False,
            ),
            pause_replication_tasks=True,
            # After the migrations like the source, so that IAM has had the time to make the role known.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[policy, args.migrations.done],
                delete_before_replace=True,
            ),
        )

    def _role(self, side: str, statement: pulumi.Input[policies.Statement]) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        name, args, child = self._name, self._args, pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-{side}-role",
            name=args.shared.names.role(f"capture_{side}"),
            description=f"DMS endpoint {args.shared.names.capture_endpoint(side)}",
            # Secrets are read under the region's name of the service, streams are written under the global one.
            assume_role_policy=policies.trust(["dms.amazonaws.com", f"dms.{args.shared.config.region}.amazonaws.com"]),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-{side}-policy",
            name="endpoint",
            role=role.name,
            policy=pulumi.Output.from_input(statement).apply(lambda one: policies.document([one])),
            opts=child,
        )
        return role, policy


def alarms(config: Config, names: Names) -> list[Alarm]:
    """Latency on both sides, and a task that does not run. Source: "Monitoring AWS DMS tasks"."""
    task = {"ReplicationInstanceIdentifier": names.replication, "ReplicationTaskIdentifier": names.capture}
    where = f"read the task's log in {names.capture_log_group}."
    return [
        Alarm(
            name="capture-source-latency",
            meaning=f"DMS reads the log late, or the task does not run at all, as then nothing is measured: {where}",
            namespace="AWS/DMS",
            metric="CDCLatencySource",
            dimensions=task,
            threshold=config.alarm_lag_seconds,
            periods=5,
            missing="breaching",
        ),
        Alarm(
            name="capture-target-latency",
            meaning=f"DMS writes to the stream late: {where}",
            namespace="AWS/DMS",
            metric="CDCLatencyTarget",
            dimensions=task,
            threshold=config.alarm_lag_seconds,
            periods=5,
            missing="breaching",
        ),
    ]
