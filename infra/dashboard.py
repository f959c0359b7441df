"""One dashboard, in the order of the flow: API, database, change capture, stream, pipe, queues, cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.config import Config
from infra.consumer import Consumer
from infra.function import METRICS, LambdaFunction
from infra.heartbeat import FOLDER as HEARTBEAT
from infra.names import API_STAGE, Names
from infra.pruning import FOLDER as PRUNING
from infra.reconciling import FOLDER as RECONCILING
from infra.schedule import Schedule
from infra.shared import Shared

_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3

Metric = list[Any]


def body(
    config: Config, names: Names, *, functions: Sequence[str], consumers: Sequence[str], scheduled: Sequence[str]
) -> str:
    """Write the dashboard's body ("Dashboard body structure and syntax", CloudWatch).

    Args:
        functions: folders of the functions that the stack has.
        consumers: those of them that have a queue.
        scheduled: those of them that a schedule invokes.
    """
    api = ["ApiName", config.api_name, "Stage", API_STAGE]
    task = ["ReplicationInstanceIdentifier", names.replication, "ReplicationTaskIdentifier", names.capture]
    cluster = ["DBClusterIdentifier", names.cluster]
    queues = [names.queue(consumer) for consumer in consumers]
    dead = [*(names.dead_letters(folder) for folder in (*consumers, *scheduled)), names.undelivered]
    pruning = ["service", PRUNING]
    nodes = names.cache_nodes(config.cache_shards, config.cache_nodes).values()
    charts: list[tuple[str, str, list[Metric]]] = [
        ("Requests and faults", "Sum", [["AWS/ApiGateway", what, *api] for what in ("Count", "4XXError", "5XXError")]),
        ("Answer time, ms (p99)", "p99", [["AWS/ApiGateway", "Latency", *api]]),
        (
            "Function errors",
            "Sum",
            [["AWS/Lambda", "Errors", "FunctionName", names.function(folder)] for folder in functions],
        ),
        ("Database capacity, ACU", "Average", [["AWS/RDS", "ServerlessDatabaseCapacity", *cluster]]),
        ("Database connections", "Maximum", [["AWS/RDS", "DatabaseConnections", *cluster]]),
        (
            "Slot lag and retained log, bytes",
            "Maximum",
            [
                ["AWS/RDS", what, *cluster, "Role", "WRITER"]
                for what in ("OldestReplicationSlotLag", "TransactionLogsDiskUsage")
            ],
        ),
        ("Oldest event in the outbox, s", "Maximum", [[METRICS, "OutboxOldestAge", *pruning]]),
        ("Rows pruned", "Sum", [[METRICS, what, *pruning] for what in ("EventsPruned", "KeysPruned")]),
        (
            "Capture latency, s",
            "Maximum",
            [["AWS/DMS", what, *task] for what in ("CDCLatencySource", "CDCLatencyTarget")],
        ),
        (
            "Stream age, ms",
            "Maximum",
            [["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", names.events]],
        ),
        (
            "Pipe",
            "Sum",
            [["AWS/EventBridge/Pipes", what, "PipeName", names.events] for what in ("Invocations", "ExecutionFailed")],
        ),
        (
            "Oldest message, s",
            "Maximum",
            [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue] for queue in queues],
        ),
        (
            "Dead letters",
            "Maximum",
            [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue] for queue in dead],
        ),
        ("Heartbeat from outbox to read model, ms", "Maximum", [[METRICS, "HeartbeatLag", "service", HEARTBEAT]]),
        (
            "Cache memory, %",
            "Maximum",
            [["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node] for node in nodes],
        ),
        (
            "Read model against write model",
            "Maximum",
            [
                [METRICS, what, "service", RECONCILING]
                for what in ("ClientsCompared", "ClientsBehind", "ClientsDrifted")
            ],
        ),
    ]
    widgets = [
        {
            "type": "metric",
            "x": index % _COLUMNS * _WIDTH,
            "y": index // _COLUMNS * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {
                "title": title,
                "region": config.region,
                "view": "timeSeries",
                "stat": statistic,
                "period": 60,
                "metrics": metrics,
            },
        }
        for index, (title, statistic, metrics) in enumerate(charts)
    ]
    return json.dumps({"widgets": widgets})


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """What the dashboard is made of.

    Attributes:
        functions: all that the stack has, those of the consumers included.
    """

    shared: Shared
    functions: Sequence[LambdaFunction]
    consumers: Sequence[Consumer]
    schedules: Sequence[Schedule]


class Dashboard(pulumi.ComponentResource):
    """The dashboard of one stack."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:alarms:Dashboard", name, None, opts)
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.shared.names.prefix,
            dashboard_body=body(
                args.shared.config,
                args.shared.names,
                functions=[function.folder for function in args.functions],
                consumers=[consumer.folder for consumer in args.consumers],
                scheduled=[schedule.folder for schedule in args.schedules],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = dashboard.dashboard_name
        self.register_outputs({"name": self.name})
