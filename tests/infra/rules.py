"""Rules that the graph of resources must obey: each takes a graph and gives one sentence for each breach."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from tests.infra.graph import Graph, Resource
from tests.infra.network_rules import (
    functions_outside_call_nothing_inside,
    functions_reach_what_they_call,
    nothing_is_public,
    paths_open_first,
    rules_are_described,
)
from tests.infra.security_rules import (
    attached_policies_are_known,
    calls_are_authorized,
    connections_are_encrypted,
    data_are_encrypted,
    provider_is_ours,
    resource_policies_are_closed,
    roles_have_no_wildcards,
)

Rule = Callable[[Graph], list[str]]


def queues_have_dead_letters(graph: Graph) -> list[str]:
    """A message that nobody can handle ends in a queue, not nowhere."""
    targets = {
        json.loads(found.inputs["redrivePolicy"])["deadLetterTargetArn"]
        for found in graph.of("Queue", "TopicSubscription")
        if "redrivePolicy" in found.inputs
    }
    for pipe in graph.of("Pipe"):
        targets.add(
            (pipe.inputs["sourceParameters"]["kinesisStreamParameters"].get("deadLetterConfig") or {}).get("arn")
        )
    return [
        f"{queue.name} has no dead-letter queue and is none"
        for queue in graph.of("Queue")
        if "redrivePolicy" not in queue.inputs and queue.outputs["arn"] not in targets
    ]


def subscriptions_have_dead_letters(graph: Graph) -> list[str]:
    """What a queue would not take is kept."""
    return [
        f"{found.name} has no redrive policy"
        for found in graph.of("TopicSubscription")
        if found.inputs["protocol"] == "sqs" and "redrivePolicy" not in found.inputs
    ]


def logs_have_retention(graph: Graph) -> list[str]:
    """Logs go away one day, and each function has its log group before it could make one itself."""
    breaches = [
        f"{found.name} is kept forever" for found in graph.of("LogGroup") if not found.inputs.get("retentionInDays")
    ]
    groups = {found.inputs["name"]: found for found in graph.of("LogGroup")}
    for function in graph.of("Function"):
        group = groups.get(f"/aws/lambda/{function.inputs['name']}")
        if group is None or not graph.reaches(function, group):
            breaches.append(f"{function.name} is made before its log group")
    return breaches


def alarms_call_somebody(graph: Graph) -> list[str]:
    """An alarm has an action, and a text for whoever gets it."""
    return [
        f"{found.name} calls nobody or says nothing"
        for found in graph.of("MetricAlarm")
        if not found.inputs.get("alarmActions") or not found.inputs.get("alarmDescription")
    ]


def everything_is_watched(graph: Graph) -> list[str]:
    """Each function, queue and stage of the flow has its alarms."""
    seen = {
        (found.inputs["metricName"], value)
        for found in graph.of("MetricAlarm")
        for value in found.inputs["dimensions"].values()
    }
    wanted: list[tuple[str, str]] = []
    for function in graph.of("Function"):
        wanted += [("Errors", function.inputs["name"]), ("Throttles", function.inputs["name"])]
    for queue in graph.of("Queue"):
        metric = (
            "ApproximateAgeOfOldestMessage" if "redrivePolicy" in queue.inputs else "ApproximateNumberOfMessagesVisible"
        )
        wanted.append((metric, queue.inputs["name"]))
    for stream in graph.of("Stream"):
        wanted.append(("GetRecords.IteratorAgeMilliseconds", stream.inputs["name"]))
    for pipe in graph.of("Pipe"):
        wanted.append(("ExecutionFailed", pipe.inputs["name"]))
    for task in graph.of("ReplicationTask"):
        wanted += [(f"CDCLatency{side}", task.inputs["resourceIdentifier"]) for side in ("Source", "Target")]
    for cluster in graph.of("Cluster"):
        metrics = ("OldestReplicationSlotLag", "TransactionLogsDiskUsage", "ACUUtilization")
        wanted += [(metric, cluster.inputs["clusterIdentifier"]) for metric in metrics]
    return [f"nothing watches {metric} of {name}" for metric, name in wanted if (metric, name) not in seen]


def messages_stay_hidden(graph: Graph) -> list[str]:
    """A message is hidden for at least six times as long as its function may take."""
    breaches = []
    for mapping in graph.of("EventSourceMapping"):
        queue = _by_arn(graph, "Queue", mapping.inputs["eventSourceArn"])
        function = _by_arn(graph, "Function", mapping.inputs["functionName"])
        least = 6 * function.inputs["timeout"] + mapping.inputs["maximumBatchingWindowInSeconds"]
        if queue.inputs["visibilityTimeoutSeconds"] < least:
            breaches.append(f"{queue.name} shows a message again before {least} seconds")
    return breaches


def failures_are_single(graph: Graph) -> list[str]:
    """One bad message of a batch fails alone."""
    return [
        f"{found.name} fails whole batches"
        for found in graph.of("EventSourceMapping")
        if found.inputs.get("functionResponseTypes") != ["ReportBatchItemFailures"]
    ]


def pipe_is_bounded(graph: Graph) -> list[str]:
    """From the first record on, in batches that SNS takes, with an end to retries, and a queue after it."""
    breaches = []
    for pipe in graph.of("Pipe"):
        source = pipe.inputs["sourceParameters"]["kinesisStreamParameters"]
        checks = {
            "may start late": source["startingPosition"] == "TRIM_HORIZON",
            "takes more than SNS does": 1 <= source["batchSize"] <= 10,
            "tries forever": source["maximumRetryAttempts"] >= 0,
            "keeps records forever": source["maximumRecordAgeInSeconds"] > 0,
            "drops what it gave up": bool(source.get("deadLetterConfig")),
            "fails whole batches": source["onPartialBatchItemFailure"] == "AUTOMATIC_BISECT",
            "takes more than new rows": bool(pipe.inputs["sourceParameters"].get("filterCriteria")),
        }
        breaches += [f"{pipe.name} {breach}" for breach, well in checks.items() if not well]
    return breaches


def order_is_kept(graph: Graph) -> list[str]:
    """What must be there first is made first, and so destroyed last."""
    breaches = []
    first: list[tuple[str, str]] = [
        ("ReplicationTask", "Invocation"),
        ("ReplicationTask", "VpcEndpoint"),
        ("ReplicationTask", "ClusterInstance"),
        ("dms/endpoint:Endpoint", "Invocation"),
        ("Pipe", "TopicSubscription"),
        ("Invocation", "ClusterInstance"),
        ("Deployment", "apigateway/method:Method"),
        ("Deployment", "apigateway/integration:Integration"),
        ("Deployment", "apigateway/response:Response"),
        ("apigateway/stage:Stage", "apigateway/account:Account"),
    ]
    for later, earlier in first:
        for one in graph.of(later):
            breaches += [
                f"{one.name} does not wait for {other.name}"
                for other in graph.of(earlier)
                if not graph.reaches(one, other)
            ]
    for kind in ("ReplicationSubnetGroup", "ReplicationInstance"):
        for one in graph.of(kind):
            breaches += [
                f"{one.name} does not wait for {other.name}"
                for other in graph.of("RolePolicyAttachment")
                if "dms-" in other.name and not graph.reaches(one, other)
            ]
    # Whoever gets a role gets it with its policy: AWS looks at once, and says no only once.
    policies = graph.of("RolePolicy")
    for one in graph.of("Function", "Pipe", "dms/endpoint:Endpoint"):
        roles = {urn for urn in one.depends_on if graph.by_urn(urn).type.endswith(":Role")}
        for policy in policies:
            if roles & policy.depends_on and not graph.reaches(one, policy):
                breaches.append(f"{one.name} does not wait for {policy.name}")
    return breaches


def names_are_unique(graph: Graph) -> list[str]:
    """No two resources of a type fight for one name."""
    count = Counter((found.type, str(found.inputs["name"])) for found in graph.resources if found.inputs.get("name"))
    per_role = "aws:iam/rolePolicy:RolePolicy"
    return [
        f"{times} of {kind} are called {name}"
        for (kind, name), times in count.items()
        if times > 1 and kind != per_role
    ]


def everything_has_a_component(graph: Graph) -> list[str]:
    """Resources hang below components, so that the tree reads like the design."""
    return [
        f"{found.name} hangs below no component"
        for found in graph.resources
        if found.type.startswith(("aws:", "random:")) and ":orders:" not in found.parent.replace("$", ":")
    ]


ALWAYS: tuple[Rule, ...] = (
    queues_have_dead_letters,
    subscriptions_have_dead_letters,
    roles_have_no_wildcards,
    attached_policies_are_known,
    resource_policies_are_closed,
    data_are_encrypted,
    nothing_is_public,
    rules_are_described,
    functions_reach_what_they_call,
    functions_outside_call_nothing_inside,
    logs_have_retention,
    alarms_call_somebody,
    everything_is_watched,
    messages_stay_hidden,
    failures_are_single,
    pipe_is_bounded,
    order_is_kept,
    paths_open_first,
    calls_are_authorized,
    names_are_unique,
    provider_is_ours,
    everything_has_a_component,
)
# The local stack's servers are built without TLS.
ON_AWS: tuple[Rule, ...] = (*ALWAYS, connections_are_encrypted)


def _by_arn(graph: Graph, kind: str, arn: str) -> Resource:
    return next(found for found in graph.of(kind) if found.outputs.get("arn") == arn)
