"""The alarms of the running system, held against the metrics that the system can be seen to write.

CloudWatch itself is not evaluated: what an alarm watches is read, and compared with its threshold once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from tests.twin.conftest import System

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def now_ms() -> int:
    """The time, as log lines have it."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Alarm:
    """An alarm as the program gave it to CloudWatch."""

    system: System
    name: str
    inputs: dict[str, Any]

    def rings(self, since_ms: int) -> bool:
        """Whether a value that was written since then is beyond the threshold."""
        return any(self._beyond(value) for value in self.values(since_ms))

    def at(self, threshold: float) -> Alarm:
        """The same alarm with another threshold: one that the configuration takes, and a test can reach."""
        return Alarm(self.system, self.name, {**self.inputs, "threshold": threshold})

    def ended(self, by: Callable[[], object]) -> Callable[[], bool]:
        """Whether the newest value is none that rings, after `by` had one written: to be asked until it is so."""
        since = now_ms()

        def newest() -> bool:
            by()
            values = self.values(since)
            return bool(values) and not self._beyond(values[-1])

        return newest

    def _beyond(self, value: float) -> bool:
        threshold = float(self.inputs["threshold"])
        at_it = self.inputs["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        return value >= threshold if at_it else value > threshold

    def values(self, since_ms: int) -> list[float]:
        """Values of the alarm's own metric, of its own dimensions, written since then; the present one of a gauge."""
        read = {
            "AWS/Lambda": self._of_lambda,
            "AWS/SQS": self._of_queue,
            "AWS/RDS": self._of_slot,
            "AWS/ElastiCache": self._of_cache,
        }
        return read.get(self.inputs["namespace"], self._of_function)(since_ms)

    def _of_function(self, since_ms: int) -> list[float]:
        """Embedded metrics, under exactly these dimensions, in the log of any function."""
        logs, found = self.system.twin.emulator.client("logs"), list[float]()
        for name, function in self.system.outputs.items():
            if name.endswith("_function"):
                for event in logs.filter_log_events(
                    logGroupName=f"/aws/lambda/{function}", startTime=since_ms, filterPattern='"_aws"'
                )["events"]:
                    found += self._embedded(json.loads(event["message"]))
        return found

    def _embedded(self, line: dict[str, Any]) -> list[float]:
        """Values in a line of the embedded metric format ("Specification: Embedded metric format")."""
        dimensions, metric = self.inputs["dimensions"], self.inputs["metricName"]
        return [
            float(value)
            for directive in line["_aws"]["CloudWatchMetrics"]
            if directive["Namespace"] == self.inputs["namespace"]
            and any({key: line[key] for key in keys} == dimensions for keys in directive["Dimensions"])
            and any(each["Name"] == metric for each in directive["Metrics"])
            for value in line[metric]
        ]

    def _of_lambda(self, since_ms: int) -> list[float]:
        dimensions = [{"Name": key, "Value": value} for key, value in self.inputs["dimensions"].items()]
        points = self.system.twin.emulator.client("cloudwatch").get_metric_statistics(
            Namespace=self.inputs["namespace"],
            MetricName=self.inputs["metricName"],
            Dimensions=dimensions,
            StartTime=datetime.fromtimestamp(since_ms / 1000, UTC),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=1,
            Statistics=[self.inputs["statistic"]],
        )["Datapoints"]
        return [float(point[self.inputs["statistic"]]) for point in points]

    def _of_queue(self, _: int) -> list[float]:
        sqs = self.system.twin.emulator.client("sqs")
        url = sqs.get_queue_url(QueueName=self.inputs["dimensions"]["QueueName"])["QueueUrl"]
        metric = self.inputs["metricName"]
        if metric != "ApproximateAgeOfOldestMessage":
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[metric.replace("Visible", "")])
            return [float(value) for value in found["Attributes"].values()]
        # A look: each message is back at once. Only while nobody consumes.
        messages = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["SentTimestamp"]
        ).get("Messages", [])
        return [time.time() - int(message["Attributes"]["SentTimestamp"]) / 1000 for message in messages]

    def _of_slot(self, _: int) -> list[float]:
        """Log that the slot has not passed, and log that is kept for it: bytes."""
        position = {"OldestReplicationSlotLag": "confirmed_flush_lsn", "TransactionLogsDiskUsage": "restart_lsn"}
        column = position[self.inputs["metricName"]]
        rows = self.system.rows(f"select pg_wal_lsn_diff(pg_current_wal_lsn(), {column}) from pg_replication_slots")
        return [float(lag) for (lag,) in rows]

    def _of_cache(self, _: int) -> list[float]:
        assert self.inputs["metricName"] == "DatabaseMemoryUsagePercentage"
        with redis.Redis(host=self.system.outputs["cache_host"], port=int(self.system.outputs["cache_port"])) as cache:
            memory: Any = cache.info("memory")
        return [100 * memory["used_memory"] / memory["maxmemory"]] if memory["maxmemory"] else [0.0]


def alarm(system: System, name: str) -> Alarm:
    """The alarm that people know by this name."""
    prefix = "orders-local-"
    (found,) = system.twin.cloud.context.state.find(ALARM, lambda each: each.inputs["name"] == prefix + name)
    return Alarm(system, name, dict(found.inputs))
