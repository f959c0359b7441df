"""What DMS is told: which rows to take, how to key them, and what to do on an error.

Sources: "Using object mapping to migrate data to a Kinesis data stream" and
"Specifying task settings for AWS DMS tasks" in the AWS DMS user guide.
"""

from __future__ import annotations

import json
from typing import Any


def table_mappings(schema: str, table: str, key: str) -> str:
    """Write the table mappings: one table, whole rows, `key` as partition key of the Kinesis record.

    Without the object mapping all rows of a table share one partition key, so one shard.
    """
    locator = {"schema-name": schema, "table-name": table}
    selection = {
        "rule-type": "selection",
        "rule-id": "1",
        "rule-name": "1",
        "object-locator": locator,
        "rule-action": "include",
        "filters": [],
    }
    mapping = {
        "rule-type": "object-mapping",
        "rule-id": "2",
        "rule-name": "2",
        "rule-action": "map-record-to-record",
        "object-locator": locator,
        "mapping-parameters": {
            "partition-key-type": "attribute-name",
            "partition-key-name": key,
            "attribute-mappings": [
                {
                    "target-attribute-name": key,
                    "attribute-type": "scalar",
                    "attribute-sub-type": "string",
                    "value": f"${{{key}}}",
                }
            ],
        },
    }
    return json.dumps({"rules": [selection, mapping]})


def task_settings() -> str:
    """Write the task settings.

    The table has no LOB column, so no LOB mode is on. An error that a retry cannot heal stops the
    task, which an alarm sees; DMS's default would suspend the table and go on as if nothing was.
    The names of log groups stay out: DMS owns them and refuses them here.
    """
    settings: dict[str, Any] = {
        "TargetMetadata": {
            "SupportLobs": False,
            "FullLobMode": False,
            "LimitedSizeLobMode": False,
            "LobMaxSize": 0,
            "LobChunkSize": 0,
            "InlineLobMaxSize": 0,
            "BatchApplyEnabled": False,
            "ParallelApplyThreads": 0,
            "TaskRecoveryTableEnabled": False,
        },
        "FullLoadSettings": {
            "TargetTablePrepMode": "DO_NOTHING",
            "StopTaskCachedChangesApplied": False,
            "StopTaskCachedChangesNotApplied": False,
            "MaxFullLoadSubTasks": 1,
            "TransactionConsistencyTimeout": 600,
            "CommitRate": 10000,
        },
        "Logging": {"EnableLogging": True},
        "StreamBufferSettings": {"StreamBufferCount": 3, "StreamBufferSizeInMB": 8, "CtrlStreamBufferSizeInMB": 5},
        "ChangeProcessingTuning": {
            "MinTransactionSize": 1000,
            "CommitTimeout": 1,
            "MemoryLimitTotal": 1024,
            "MemoryKeepTime": 60,
            "StatementCacheSize": 50,
        },
        "ErrorBehavior": {
            "DataErrorPolicy": "STOP_TASK",
            "DataTruncationErrorPolicy": "STOP_TASK",
            "DataErrorEscalationPolicy": "STOP_TASK",
            "DataErrorEscalationCount": 0,
            "TableErrorPolicy": "STOP_TASK",
            "TableErrorEscalationPolicy": "STOP_TASK",
            "TableErrorEscalationCount": 0,
            "ApplyErrorInsertPolicy": "STOP_TASK",
            "ApplyErrorUpdatePolicy": "STOP_TASK",
            # Rows are deleted when they are old: nobody waits for the record of that.
            "ApplyErrorDeletePolicy": "IGNORE_RECORD",
            "ApplyErrorEscalationPolicy": "STOP_TASK",
            "ApplyErrorEscalationCount": 0,
            "RecoverableErrorCount": -1,
            "RecoverableErrorInterval": 5,
            "RecoverableErrorThrottling": True,
            "RecoverableErrorThrottlingMax": 1800,
            "FullLoadIgnoreConflicts": True,
            "FailOnNoTablesCaptured": True,
        },
    }
    return json.dumps(settings)
