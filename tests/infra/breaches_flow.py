"""Breaches of the rules about the API, messages, logs, alarms, order and structure."""

from __future__ import annotations

from policy import alarms, gateway, logs, order, queues, structure
from policy.rule import Rule
from tests.infra.breaks import Break, add, adrift, change, nested, remove, share, unlink

FUNCTION, VARIABLES = "lambda/function:Function", "environment.variables"
MISTYPED = {"id": "a", "metric": {"namespace": "AWS/Lambda", "metricName": "Error", "dimensions": {}}}
QUEUE = ("Queue", "project-clients-queue")
PIPE = "sourceParameters.kinesisStreamParameters"


FLOW: list[tuple[Rule, Break]] = [
    (gateway.calls_are_authorized, change("apigateway/method:Method", authorization="NONE")),
    (gateway.calls_are_authorized, change("apigateway/method:Method", authorizerId=None)),
    (gateway.calls_are_throttled, remove("MethodSettings")),
    (gateway.calls_are_throttled, nested("MethodSettings", None, "settings.dataTraceEnabled", True)),
    (gateway.calls_are_throttled, remove("UsagePlan")),
    (gateway.calls_end_in_time, change("Integration", timeoutMilliseconds=30000)),
    (gateway.calls_end_in_time, change("Integration", timeoutMilliseconds=5000)),
    (gateway.calls_may_be_made, remove("lambda/permission:Permission")),
    (queues.queues_have_dead_letters, change(*QUEUE, redrivePolicy=None)),
    (queues.queues_have_dead_letters, add("aws:sqs/queue:Queue", name="alone")),
    (queues.subscriptions_have_dead_letters, change("TopicSubscription", redrivePolicy=None)),
    (queues.dead_letters_outlive_their_queue, change(*QUEUE, messageRetentionSeconds=1209600)),
    (queues.dead_letters_come_from_their_queue, remove("RedriveAllowPolicy")),
    (
        queues.dead_letters_come_from_their_queue,
        nested("RedriveAllowPolicy", None, "redriveAllowPolicy", '{"redrivePermission": "allowAll"}'),
    ),
    (queues.messages_stay_hidden, change(*QUEUE, visibilityTimeoutSeconds=179)),
    (queues.messages_stay_hidden, change(*QUEUE, visibilityTimeoutSeconds=None)),
    (queues.failures_are_single, change("EventSourceMapping", functionResponseTypes=None)),
    (queues.consumers_are_bounded, change("EventSourceMapping", scalingConfig=None)),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.startingPosition", "LATEST")),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.batchSize", 100)),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.maximumRetryAttempts", -1)),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.maximumRecordAgeInSeconds", None)),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.onPartialBatchItemFailure", None)),
    (queues.pipe_is_bounded, nested("Pipe", None, f"{PIPE}.deadLetterConfig", None)),
    (queues.pipe_is_bounded, nested("Pipe", None, "sourceParameters.filterCriteria", None)),
    (logs.logs_have_retention, change("LogGroup", "capture-logs", retentionInDays=None)),
    (logs.log_groups_come_first, change("LogGroup", "authorize-logs", name="elsewhere")),
    (logs.log_groups_come_first, unlink("rds/cluster:Cluster")),
    (logs.log_groups_come_first, unlink("ReplicationTask")),
    (logs.calls_are_logged, change("apigateway/stage:Stage", accessLogSettings=None)),
    (logs.calls_are_logged, change("Pipe", logConfiguration=None)),
    (alarms.alarms_call_somebody, change("MetricAlarm", alarmActions=[])),
    (alarms.alarms_call_somebody, change("MetricAlarm", alarmDescription=None)),
    (alarms.alarms_call_somebody, change("MetricAlarm", treatMissingData=None)),
    (alarms.alarms_watch_something, change("MetricAlarm", metricName=None, metricQueries=[MISTYPED])),
    (alarms.alarms_watch_something, change("MetricAlarm", "alarm-stream-age", metricName="IteratorAge")),
    (alarms.alarms_watch_something, nested("MetricAlarm", "alarm-stream-age", "dimensions.StreamName", "orders-event")),
    (alarms.alarms_watch_something, nested("MetricAlarm", "alarm-slot-lag", "dimensions.Role", "MASTER")),
    (alarms.alarms_watch_something, nested("MetricAlarm", "alarm-cache-1-memory", "dimensions.CacheClusterId", "a-9")),
    (alarms.alarms_watch_something, nested("MetricAlarm", "alarm-capture-source-latency", "dimensions",
                                           {"ReplicationTaskIdentifier": "orders-dev-outbox"})),
    (alarms.alarms_watch_something, nested("MetricAlarm", "alarm-project-clients-lag", "dimensions.service", "nobody")),
    (alarms.alarms_watch_something, change("MetricAlarm", "alarm-project-clients-lag", namespace="Order")),
    (alarms.dashboard_shows_something, remove("Stream")),
    (alarms.everything_is_watched, remove("MetricAlarm", "alarm-capture-source-latency")),
    (alarms.everything_is_watched, remove("MetricAlarm", "alarm-project-clients-dead-letters")),
    (alarms.everything_is_watched, remove("MetricAlarm", "alarm-migrate-errors")),
    (alarms.everything_is_watched, remove("MetricAlarm", "alarm-cache-1-memory")),
    (order.order_is_kept, unlink("ReplicationTask")),
    (order.order_is_kept, unlink("Pipe")),
    (order.order_is_kept, unlink("Deployment")),
    (order.order_is_kept, unlink("ReplicationSubnetGroup")),
    (order.roles_come_with_their_policy, unlink("dms/endpoint:Endpoint", "capture-source", of="Policy")),
    (order.functions_share_no_role, share(FUNCTION, "get-client-function", "list-orders-function", "role")),
    (order.functions_share_no_role, remove("RolePolicy", "authorize-policy")),
    (structure.names_are_unique, change("Queue", "pipe-undelivered", name="orders-dev-project-clients")),
    (structure.everything_has_a_component, adrift("Stream")),
    (structure.provider_is_ours, adrift("Stream")),
    (structure.everything_is_tagged, change("pulumi:providers:aws", defaultTags=None)),
    (structure.everything_is_tagged, change("pulumi:providers:aws", region=None)),
    (structure.protection_is_whole, change("rds/cluster:Cluster", deletionProtection=True)),
    (structure.functions_are_spelled_out, change(FUNCTION, "authorize-function", tracingConfig=None)),
    (structure.functions_are_spelled_out, change(FUNCTION, "authorize-function", loggingConfig=None)),
]  # fmt: skip
