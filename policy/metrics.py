"""Metrics of CloudWatch that alarms and dashboards may name, and whose they are.

Each namespace is from the service's own page of metrics and dimensions. A metric that is not
here is either mistyped, or new to the program: then it is added, with a look at that page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policy.graph import Graph, Resource
from policy.unknown import known


@dataclass(frozen=True)
class Namespace:
    """Metrics of one service.

    Attributes:
        dimensions: sets of dimensions under which the metrics are published.
        owners: types, and the input that holds the value of a dimension, by dimension.
        values: the only values of a dimension that names no resource.
    """

    metrics: frozenset[str]
    dimensions: tuple[frozenset[str], ...]
    owners: Mapping[str, tuple[str, str]]
    values: Mapping[str, frozenset[str]]


def _namespace(
    metrics: str, dimensions: str, owners: Mapping[str, tuple[str, str]], values: Mapping[str, str] | None = None
) -> Namespace:
    return Namespace(
        frozenset(metrics.split()),
        tuple(frozenset(one.split()) for one in dimensions.split("|")),
        owners,
        {name: frozenset(those.split()) for name, those in (values or {}).items()},
    )


_NODES = "CacheClusterId"
NAMESPACES: dict[str, Namespace] = {
    # Types of metrics for Lambda functions
    "AWS/Lambda": _namespace(
        "Invocations Errors Throttles Duration ConcurrentExecutions UnreservedConcurrentExecutions AsyncEventAge "
        "AsyncEventsDropped DeadLetterErrors IteratorAge ClaimedAccountConcurrency",
        "FunctionName|FunctionName Resource|",
        {"FunctionName": ("lambda/function:Function", "name")},
    ),
    # Available CloudWatch metrics for Amazon SQS
    "AWS/SQS": _namespace(
        "ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesVisible ApproximateNumberOfMessagesNotVisible "
        "ApproximateNumberOfMessagesDelayed NumberOfMessagesSent NumberOfMessagesReceived NumberOfMessagesDeleted "
        "NumberOfEmptyReceives SentMessageSize",
        "QueueName",
        {"QueueName": ("sqs/queue:Queue", "name")},
    ),
    # Amazon SNS metrics
    "AWS/SNS": _namespace(
        "NumberOfMessagesPublished NumberOfNotificationsDelivered NumberOfNotificationsFailed PublishSize "
        "NumberOfNotificationsFilteredOut NumberOfNotificationsFilteredOut-MessageBody "
        "NumberOfNotificationsFilteredOut-InvalidMessageBody NumberOfNotificationsRedrivenToDlq "
        "NumberOfNotificationsFailedToRedriveToDlq",
        "TopicName",
        {"TopicName": ("sns/topic:Topic", "name")},
    ),
    # Monitoring the Amazon Kinesis Data Streams service with Amazon CloudWatch (stream-level metrics)
    "AWS/Kinesis": _namespace(
        "GetRecords.Bytes GetRecords.IteratorAgeMilliseconds GetRecords.Latency GetRecords.Records GetRecords.Success "
        "IncomingBytes IncomingRecords PutRecord.Bytes PutRecord.Latency PutRecord.Success PutRecords.Bytes "
        "PutRecords.Latency PutRecords.Records PutRecords.Success PutRecords.TotalRecords PutRecords.FailedRecords "
        "PutRecords.ThrottledRecords ReadProvisionedThroughputExceeded WriteProvisionedThroughputExceeded",
        "StreamName",
        {"StreamName": ("kinesis/stream:Stream", "name")},
    ),
    # Logging and monitoring Amazon EventBridge Pipes
    "AWS/EventBridge/Pipes": _namespace(
        "Concurrency Duration EventCount EventSize ExecutionFailed ExecutionPartiallyFailed ExecutionThrottled "
        "ExecutionTimeout Invocations TargetStageDuration TargetStageFailed TargetStagePartiallyFailed "
        "TargetStageSkipped EnrichmentStageDuration EnrichmentStageFailed",
        "PipeName|AwsAccountId",
        {"PipeName": ("pipes/pipe:Pipe", "name")},
    ),
    # Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch
    "AWS/Scheduler": _namespace(
        "InvocationAttemptCount TargetErrorCount TargetErrorThrottledCount InvocationThrottleCount "
        "InvocationDroppedCount InvocationsSentToDeadLetterCount InvocationsFailedToBeSentToDeadLetterCount",
        "ScheduleGroup|",
        {"ScheduleGroup": ("scheduler/scheduleGroup:ScheduleGroup", "name")},
        {"ScheduleGroup": "default"},
    ),
    # Amazon CloudWatch metrics for Amazon Aurora
    "AWS/RDS": _namespace(
        "OldestReplicationSlotLag TransactionLogsDiskUsage ACUUtilization ServerlessDatabaseCapacity CPUUtilization "
        "DatabaseConnections FreeableMemory FreeLocalStorage VolumeBytesUsed MaximumUsedTransactionIDs Deadlocks "
        "CommitLatency ReadLatency WriteLatency AuroraReplicaLag ReplicationSlotDiskUsage BufferCacheHitRatio "
        "EngineUptime SwapUsage",
        "DBClusterIdentifier|DBClusterIdentifier Role|DBInstanceIdentifier",
        {
            "DBClusterIdentifier": ("rds/cluster:Cluster", "clusterIdentifier"),
            "DBInstanceIdentifier": ("rds/clusterInstance:ClusterInstance", "identifier"),
        },
        {"Role": "WRITER READER"},
    ),
    # Monitoring AWS DMS tasks
    "AWS/DMS": _namespace(
        "CDCLatencySource CDCLatencyTarget CDCIncomingChanges CDCChangesMemorySource CDCChangesMemoryTarget "
        "CDCChangesDiskSource CDCChangesDiskTarget CDCThroughputRowsSource CDCThroughputRowsTarget "
        "CDCThroughputBandwidthSource CDCThroughputBandwidthTarget FullLoadThroughputRowsTarget CPUUtilization "
        "FreeableMemory FreeStorageSpace FreeMemory MemoryUsage SwapUsage DiskQueueDepth CPUAllocated MemoryAllocated",
        "ReplicationInstanceIdentifier ReplicationTaskIdentifier|ReplicationInstanceIdentifier",
        {
            "ReplicationInstanceIdentifier": ("dms/replicationInstance:ReplicationInstance", "replicationInstanceId"),
            "ReplicationTaskIdentifier": ("dms/replicationTask:ReplicationTask", "resourceIdentifier"),
        },
    ),
    # Host-Level Metrics; Metrics for Valkey and Redis OSS
    "AWS/ElastiCache": _namespace(
        "DatabaseMemoryUsagePercentage DatabaseCapacityUsagePercentage EngineCPUUtilization CPUUtilization Evictions "
        "CurrConnections NewConnections CurrItems BytesUsedForCache ReplicationLag CacheHitRate FreeableMemory "
        "SwapUsage AuthenticationFailures IamAuthenticationExpirations KeyAuthorizationFailures "
        "CommandAuthorizationFailures NetworkBandwidthOutAllowanceExceeded NetworkBandwidthInAllowanceExceeded",
        "CacheClusterId|CacheClusterId CacheNodeId",
        {},
        {"CacheNodeId": "0001"},
    ),
    # Monitoring sender reputation in Amazon SES; Viewing metrics of a configuration set
    "AWS/SES": _namespace(
        "Send Reject Bounce Complaint Delivery DeliveryDelay RenderingFailure Reputation.BounceRate "
        "Reputation.ComplaintRate",
        "ses:configuration-set|",
        {"ses:configuration-set": ("sesv2/configurationSet:ConfigurationSet", "configurationSetName")},
    ),
    # DynamoDB metrics and dimensions
    "AWS/DynamoDB": _namespace(
        "ThrottledRequests ReadThrottleEvents WriteThrottleEvents SystemErrors UserErrors SuccessfulRequestLatency "
        "ConsumedReadCapacityUnits ConsumedWriteCapacityUnits TimeToLiveDeletedItemCount",
        "TableName|TableName Operation|",
        {"TableName": ("dynamodb/table:Table", "name")},
        {"Operation": "GetItem PutItem UpdateItem DeleteItem Query Scan"},
    ),
    # Amazon API Gateway dimensions and metrics
    "AWS/ApiGateway": _namespace(
        "4XXError 5XXError Count Latency IntegrationLatency CacheHitCount CacheMissCount",
        "ApiName|ApiName Stage|ApiName Stage Method Resource",
        {
            "ApiName": ("apigateway/restApi:RestApi", "name"),
            "Stage": ("apigateway/stage:Stage", "stageName"),
            "Method": ("apigateway/method:Method", "httpMethod"),
        },
    ),
}  # fmt: skip


def wrong(graph: Graph, namespace: str, metric: str, dimensions: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with a metric: AWS has none of this name, or it is of nothing that the program makes."""
    service = NAMESPACES.get(namespace)
    if service is None:
        yield from _wrong_of_ours(graph, namespace, dimensions)
        return
    if metric not in service.metrics:
        yield f"names {namespace} {metric}, which policy/metrics.py does not know"
    if frozenset(dimensions) not in service.dimensions:
        yield f"names {namespace} {metric} by {', '.join(dimensions) or 'nothing'}, under which AWS does not publish it"
    for name, value in dimensions.items():
        if value not in _values(graph, service, name):
            yield f"names {namespace} {metric} of {name} {value}, which is nothing of the program"


def _values(graph: Graph, service: Namespace, dimension: str) -> set[str]:
    found = set(service.values.get(dimension, ()))
    if dimension in service.owners:
        kind, name = service.owners[dimension]
        found |= {str(known(one.inputs[name])) for one in graph.of(kind) if one.given(name)}
    if dimension == _NODES:
        for group in graph.of("ReplicationGroup"):
            found.update(cache_nodes(group))
    return found


def cache_nodes(group: Resource) -> list[str]:
    """Names of the nodes of a replication group: `orders-002`, or `orders-0003-002` in the third of several shards."""
    name, shards = group.at("replicationGroupId"), int(group.at("numNodeGroups") or 1)
    nodes = 1 + int(group.at("replicasPerNodeGroup")) if shards > 1 else int(group.at("numCacheClusters"))
    within = [""] if shards == 1 else [f"-{shard:04d}" for shard in range(1, shards + 1)]
    return [f"{name}{shard}-{node:03d}" for shard in within for node in range(1, nodes + 1)]


def _wrong_of_ours(graph: Graph, namespace: str, dimensions: Mapping[str, str]) -> Iterator[str]:
    """A metric that functions write themselves is of their namespace, and of a service that one of them is."""
    writers: list[Resource] = [
        one
        for one in graph.of("lambda/function:Function")
        if (one.at("environment", "variables") or {}).get("POWERTOOLS_METRICS_NAMESPACE") == namespace
    ]
    if not writers:
        yield f"names {namespace}, in which nobody writes metrics"
        return
    services = {one.at("environment", "variables", "POWERTOOLS_SERVICE_NAME") for one in writers}
    if dimensions.get("service") not in services:
        yield f"names {namespace} of service {dimensions.get('service')}, which no function is"
