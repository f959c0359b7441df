"""Rules about alarms: each calls somebody, watches something that is there, and nothing goes unwatched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.graph import Graph, Resource
from policy.metrics import cache_nodes, wrong
from policy.rule import rule
from policy.unknown import known

# What must be watched, by type: the input that names it, the dimension, and the metrics.
_WATCHED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("lambda/function:Function", "name", "FunctionName", ("Errors", "Throttles")),
    ("kinesis/stream:Stream", "name", "StreamName", ("GetRecords.IteratorAgeMilliseconds",)),
    ("pipes/pipe:Pipe", "name", "PipeName", ("ExecutionFailed",)),
    ("dms/replicationTask:ReplicationTask", "resourceIdentifier", "ReplicationTaskIdentifier",
     ("CDCLatencySource", "CDCLatencyTarget")),
    ("rds/cluster:Cluster", "clusterIdentifier", "DBClusterIdentifier",
     ("OldestReplicationSlotLag", "TransactionLogsDiskUsage", "ACUUtilization")),
    ("apigateway/restApi:RestApi", "name", "ApiName", ("5XXError",)),
)  # fmt: skip
_SILENCE = ("notBreaching", "breaching", "ignore", "missing")


@rule("MetricAlarm", "CompositeAlarm", do="Give it alarmActions and an alarmDescription")
def alarms_call_somebody(graph: Graph, alarm: Resource) -> Iterator[str]:
    """An alarm has an action, and a text for whoever gets it.

    Source: Using Amazon CloudWatch alarms
    """
    if not alarm.at("alarmActions"):
        yield "calls nobody"
    if not alarm.at("alarmDescription"):
        yield "says nothing"
    if alarm.is_a("MetricAlarm") and alarm.at("treatMissingData") not in _SILENCE:
        yield "does not say what it means that there are no data"


@rule("MetricAlarm", do="Name a metric that AWS has, with the name of a resource of the program")
def alarms_watch_something(graph: Graph, alarm: Resource) -> Iterator[str]:
    """Every alarm's metric exists, and its dimensions are those of a resource of the program: it can go off.

    Source: the page of metrics and dimensions of each service
    """
    if alarm.given("metricName"):
        yield from wrong(
            graph, known(alarm.inputs["namespace"]), known(alarm.inputs["metricName"]), alarm.at("dimensions") or {}
        )
    for query in alarm.at("metricQueries") or ():
        if query.get("metric"):
            metric = query["metric"]
            yield from wrong(graph, metric["namespace"], metric["metricName"], metric.get("dimensions") or {})


@rule("Dashboard", do="Name a metric that AWS has, with the name of a resource of the program")
def dashboard_shows_something(graph: Graph, dashboard: Resource) -> Iterator[str]:
    """Every chart of the dashboard shows a metric of a resource of the program.

    Source: Dashboard body structure and syntax
    """
    for widget in json.loads(known(dashboard.inputs["dashboardBody"]))["widgets"]:
        for namespace, metric, dimensions in _charted(widget.get("properties", {}).get("metrics", ())):
            yield from wrong(graph, namespace, metric, dimensions)


@rule(*(kind for kind, *_ in _WATCHED), "Queue", "ReplicationGroup", do="Make a MetricAlarm for it")
def everything_is_watched(graph: Graph, resource: Resource) -> Iterator[str]:
    """Each function, queue, node and step of the flow has its alarms."""
    for metric, dimension, value in _wanted(resource):
        if not any(_watches(alarm, metric, dimension, value) for alarm in graph.of("MetricAlarm")):
            yield f"has no alarm on {metric} ({value})"


def _wanted(resource: Resource) -> Iterator[tuple[str, str, str]]:
    for kind, name, dimension, metrics in _WATCHED:
        if resource.is_a(kind):
            yield from ((metric, dimension, known(resource.inputs[name])) for metric in metrics)
    if resource.is_a("sqs/queue:Queue"):
        # What has dead letters has somebody who waits for its messages; any message in the others is one too many.
        age = resource.given("redrivePolicy")
        metric = "ApproximateAgeOfOldestMessage" if age else "ApproximateNumberOfMessagesVisible"
        yield metric, "QueueName", known(resource.inputs["name"])
    if resource.is_a("ReplicationGroup"):
        yield from (("DatabaseMemoryUsagePercentage", "CacheClusterId", node) for node in cache_nodes(resource))


def _watches(alarm: Resource, metric: str, dimension: str, value: str) -> bool:
    seen = [(alarm.inputs.get("metricName"), alarm.at("dimensions") or {})]
    for query in alarm.at("metricQueries") or ():
        found = query.get("metric") or {}
        seen.append((found.get("metricName"), found.get("dimensions") or {}))
    return any(name == metric and dimensions.get(dimension) == value for name, dimensions in seen)


def _charted(metrics: Sequence[Sequence[Any]]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Metrics of a chart: namespace, name and dimensions; expressions are of other metrics and not listed."""
    for metric in metrics:
        parts = [part for part in metric if not isinstance(part, dict)]
        if parts:
            yield parts[0], parts[1], dict(zip(parts[2::2], parts[3::2], strict=True))
