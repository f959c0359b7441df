"""Rules about logs: each goes away one day, and is there before what writes to it."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import known


@rule("LogGroup", do="Set retentionInDays")
def logs_have_retention(graph: Graph, group: Resource) -> Iterator[str]:
    """Logs go away one day.

    Source: Change log data retention in CloudWatch Logs
    """
    if not group.at("retentionInDays"):
        yield "is kept for ever"


@rule("lambda/function:Function", "rds/cluster:Cluster", "ReplicationTask",
      do="Make the log group, with retention, and let this depend on it")  # fmt: skip
def log_groups_come_first(graph: Graph, resource: Resource) -> Iterator[str]:
    """What would make its own log group, without retention, finds it made.

    Source: Sending Lambda function logs to CloudWatch Logs; Publishing Aurora PostgreSQL logs; Monitoring AWS DMS tasks
    """
    groups = {str(known(group.inputs["name"])): group for group in graph.of("LogGroup") if group.given("name")}
    for name in _own_groups(graph, resource):
        if name not in groups:
            yield f"has no log group {name}"
        elif not graph.reaches(resource, groups[name]):
            yield f"is made before its log group {name}"


@rule("apigateway/stage:Stage", "Pipe", do="Name a log group of the program")
def calls_are_logged(graph: Graph, resource: Resource) -> Iterator[str]:
    """The API logs each call, and the pipe each failure.

    Source: Set up CloudWatch logging for REST APIs in API Gateway; Logging Amazon EventBridge Pipes
    """
    name = "accessLogSettings" if resource.is_a("Stage") else "logConfiguration"
    if not graph.behind(resource, name, "LogGroup"):
        yield f"logs nothing ({name})"


def _own_groups(graph: Graph, resource: Resource) -> Iterator[str]:
    """Names of the log groups that AWS makes for a resource if nobody has."""
    if resource.is_a("lambda/function:Function"):
        yield f"/aws/lambda/{known(resource.inputs['name'])}"
    elif resource.is_a("rds/cluster:Cluster"):
        for kind in resource.at("enabledCloudwatchLogsExports") or ():
            yield f"/aws/rds/cluster/{known(resource.inputs['clusterIdentifier'])}/{kind}"
    else:
        for instance in graph.behind(resource, "replicationInstanceArn", "ReplicationInstance"):
            yield f"dms-tasks-{known(instance.inputs['replicationInstanceId'])}"
