"""What the stack gives out: what callers need, and the names and ARNs that operators need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra.api import Api
from infra.bus import Bus
from infra.cache import Cache
from infra.capture import ChangeCapture
from infra.consumer import Consumer
from infra.credentials import Credentials
from infra.dashboard import Dashboard
from infra.database import Database
from infra.function import LambdaFunction
from infra.mail import Mail
from infra.pipe import EventPipe
from infra.schedule import Schedule
from infra.shared import Shared


@dataclass(frozen=True)
class System:
    """The components of one stack.

    Attributes:
        mail: None if the stack sends no mails.
    """

    shared: Shared
    api: Api
    credentials: Credentials
    database: Database
    capture: ChangeCapture
    bus: Bus
    pipe: EventPipe
    consumers: Sequence[Consumer]
    cache: Cache
    functions: Sequence[LambdaFunction]
    schedules: Sequence[Schedule]
    dashboard: Dashboard
    mail: Mail | None


def outputs(system: System) -> Mapping[str, pulumi.Input[object]]:
    """List the stack's outputs by name: a flat map, a function's and a consumer's led by the name of its folder."""
    api, database, bus = system.api, system.database, system.bus
    return {
        "region": system.shared.config.region,
        "account": system.shared.place.account,
        # For callers
        "api_url": api.url,
        "orders_url": pulumi.Output.concat(api.url, "/orders"),
        "clients_url": pulumi.Output.concat(api.url, "/clients"),
        "api_user": system.credentials.user,
        "api_password": system.credentials.password,
        "api_secret_arn": system.credentials.secret_arn,
        # For operators, in the order of the flow
        "database_cluster": database.cluster.cluster_identifier,
        "database_cluster_arn": database.cluster.arn,
        "database_host": database.host,
        "database_port": database.port,
        "database_name": database.cluster.database_name,
        "master_secret_arn": database.master_secret_arn,
        "capture_secret_arn": database.capture_secret_arn,
        "capture_task_arn": system.capture.task.replication_task_arn,
        "stream_name": bus.stream.name,
        "stream_arn": bus.stream.arn,
        "pipe_name": system.pipe.pipe.name,
        "pipe_arn": system.pipe.pipe.arn,
        "undelivered_url": system.pipe.undelivered.url,
        "topic_arn": bus.topic.arn,
        **{f"{consumer.folder}_queue_url": consumer.queue.url for consumer in system.consumers},
        **{f"{consumer.folder}_dead_letter_url": consumer.dead.url for consumer in system.consumers},
        # Commas between: outputs are a flat map.
        **{f"{consumer.folder}_event_types": ",".join(consumer.event_types) for consumer in system.consumers},
        "cache_name": system.cache.group.replication_group_id,
        "cache_host": system.cache.host,
        "cache_port": system.cache.port,
        **{f"{function.folder}_function": function.function_name for function in system.functions},
        **{f"{schedule.folder}_schedule": schedule.schedule.name for schedule in system.schedules},
        **{f"{schedule.folder}_dead_letter_url": schedule.dead.url for schedule in system.schedules},
        **(_mail(system.mail) if system.mail is not None else {}),
        "alarm_topic_arn": system.shared.alarm_topic,
        "alarm_lag_seconds": system.shared.config.alarm_lag_seconds,
        "alarm_slot_bytes": system.shared.config.alarm_slot_bytes,
        "dashboard": system.dashboard.name,
    }


def _mail(mail: Mail) -> Mapping[str, pulumi.Input[object]]:
    return {
        "mail_identity_arn": mail.identity_arn,
        "mail_dns_records": mail.to_publish,
        "mail_configuration_set": mail.configuration_set.configuration_set_name,
        "mail_ledger": mail.ledger.table.name,
    }
