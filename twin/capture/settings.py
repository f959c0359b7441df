"""The task settings that DMS takes, and what the twin does with each. Pure.

Honoured: LOB mode and size, ParallelLoadThreads and ParallelApplyThreads (lanes to Kinesis), the error
policies for data and truncation, RecoverableError*, FailOnNoTablesCaptured. Refused: what a Kinesis
target refuses (full LOB mode, batch apply, validation) and what the twin does not do. Everything else
is known and has no effect here: it tunes buffers, logs and target tables that the twin does not have.
CommitTimeout and MinTransactionSize among them: DMS collects changes for up to CommitTimeout seconds,
the twin sends what is there at once, so its latency is no measure for that of DMS.
Source: DMS user guide, "Specifying task settings for AWS DMS tasks" and the pages below it.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

DataPolicy = Literal["IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"]
TablePolicy = Literal["SUSPEND_TABLE", "STOP_TASK"]
Lanes = Field(default=0, ge=0, le=32)


def refuse(condition: bool, message: str) -> None:
    """Raise a ValueError, which pydantic turns into a refusal with its place, if `condition` holds."""
    if condition:
        raise ValueError(message)


class Group(BaseModel):
    """A group of settings: names and types are checked as strictly as DMS does."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_pascal, frozen=True, strict=True)


class TargetMetadata(Group):
    """LOBs and parallelism."""

    target_schema: str | None = ""
    support_lobs: bool = True
    full_lob_mode: bool = False
    lob_chunk_size: int = 0
    limited_size_lob_mode: bool | None = None
    lob_max_size: int = Field(default=32, ge=0, le=102_400)
    inline_lob_max_size: int = 0
    load_max_file_size: int = 0
    max_full_load_sub_tasks: int = 8
    parallel_load_threads: int = Lanes
    parallel_load_buffer_size: int = Field(default=0, ge=0, le=1000)
    parallel_load_queues_per_thread: int = Field(default=1, ge=0, le=512)
    parallel_apply_threads: int = Lanes
    parallel_apply_buffer_size: int = Field(default=100, ge=0, le=1000)
    parallel_apply_queues_per_thread: int = Field(default=1, ge=0, le=512)
    batch_apply_enabled: bool = False
    task_recovery_table_enabled: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(self.full_lob_mode, "FullLobMode is not supported with a Kinesis target: use LimitedSizeLobMode.")
        refuse(self.inline_lob_max_size > 0, "InlineLobMaxSize needs FullLobMode, which a Kinesis target lacks.")
        refuse(self.batch_apply_enabled, "BatchApplyEnabled is not supported with a Kinesis target: it loses data.")
        refuse(self.task_recovery_table_enabled, "TaskRecoveryTableEnabled: the twin has no recovery table.")
        refuse(bool(self.target_schema), "TargetSchema has no meaning for a stream: leave it empty.")
        # A task without any settings gets limited mode with 32 KB; who names SupportLobs must name a mode too.
        if self.support_lobs and "support_lobs" in self.model_fields_set:
            refuse(not self.limited_size_lob_mode, "SupportLobs needs FullLobMode or LimitedSizeLobMode.")
        refuse(bool(self.limited_size_lob_mode) and self.lob_max_size == 0, "LimitedSizeLobMode needs LobMaxSize.")
        return self


class FullLoadSettings(Group):
    """The full load; a stream has no tables to prepare."""

    target_table_prep_mode: Literal["DO_NOTHING", "DROP_AND_CREATE", "TRUNCATE_BEFORE_LOAD"] = "DO_NOTHING"
    create_pk_after_full_load: bool = False
    stop_task_cached_changes_applied: bool = False
    stop_task_cached_changes_not_applied: bool = False
    max_full_load_sub_tasks: int = Field(default=8, ge=1, le=49)
    transaction_consistency_timeout: int = 600
    commit_rate: int = Field(default=10_000, ge=1, le=50_000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        stops = self.stop_task_cached_changes_applied or self.stop_task_cached_changes_not_applied
        refuse(stops, "StopTaskCachedChanges*: the twin does not stop a task after its full load.")
        return self


class ErrorBehavior(Group):
    """What happens on an error; the defaults are those of DMS."""

    data_error_policy: DataPolicy = "LOG_ERROR"
    event_error_policy: Literal["IGNORE", "STOP_TASK"] = "IGNORE"
    data_truncation_error_policy: DataPolicy = "LOG_ERROR"
    data_masking_error_policy: str | None = None
    data_error_escalation_policy: TablePolicy = "SUSPEND_TABLE"
    data_error_escalation_count: int = 0
    table_error_policy: TablePolicy = "SUSPEND_TABLE"
    table_error_escalation_policy: Literal["STOP_TASK"] = "STOP_TASK"
    table_error_escalation_count: int = 0
    recoverable_error_count: int = Field(default=-1, ge=-1)
    recoverable_error_interval: int = Field(default=5, ge=0)
    recoverable_error_throttling: bool = True
    recoverable_error_throttling_max: int = 1800
    recoverable_error_stop_retry_after_throttling_max: bool = False
    apply_error_delete_policy: DataPolicy = "IGNORE_RECORD"
    apply_error_insert_policy: DataPolicy | Literal["INSERT_RECORD"] = "LOG_ERROR"
    apply_error_update_policy: DataPolicy | Literal["UPDATE_RECORD"] = "LOG_ERROR"
    apply_error_escalation_policy: Literal["LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"] = "LOG_ERROR"
    apply_error_escalation_count: int = 0
    apply_error_fail_on_truncation_ddl: bool = False
    full_load_ignore_conflicts: bool = True
    fail_on_no_tables_captured: bool = False
    fail_on_transaction_consistency_breached: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(self.data_error_escalation_count > 0, "DataErrorEscalationCount: the twin does not count errors.")
        return self


KNOWN: dict[str, frozenset[str]] = {
    "Logging": frozenset({"EnableLogging", "EnableLogContext", "LogComponents", "LogConfiguration"}),
    "ControlTablesSettings": frozenset(
        {
            "ControlSchema", "HistoryTimeslotInMinutes", "historyTimeslotInMinutes", "HistoryTableEnabled",
            "SuspendedTablesTableEnabled", "StatusTableEnabled", "FullLoadExceptionTableEnabled",
            "CommitPositionTableEnabled",
        }
    ),
    "StreamBufferSettings": frozenset({"StreamBufferCount", "StreamBufferSizeInMB", "CtrlStreamBufferSizeInMB"}),
    "ChangeProcessingTuning": frozenset(
        {
            "BatchApplyPreserveTransaction", "BatchApplyTimeoutMin", "BatchApplyTimeoutMax", "BatchApplyMemoryLimit",
            "BatchSplitSize", "MinTransactionSize", "CommitTimeout", "MemoryLimitTotal", "MemoryKeepTime",
            "StatementCacheSize", "RecoveryTimeout",
        }
    ),
    "ChangeProcessingDdlHandlingPolicy": frozenset(
        {"HandleSourceTableDropped", "HandleSourceTableTruncated", "HandleSourceTableAltered"}
    ),
    "TTSettings": frozenset({"EnableTT", "TTS3Settings", "TTRecordSettings"}),
    "LoopbackPreventionSettings": frozenset({"EnableLoopbackPrevention", "SourceSchema", "TargetSchema"}),
    "CharacterSetSettings": frozenset({"CharacterReplacements", "CharacterSetSupport"}),
    "BeforeImageSettings": frozenset({"EnableBeforeImage", "FieldName", "ColumnFilter"}),
    "ValidationSettings": frozenset(
        {
            "EnableValidation", "ValidationMode", "ThreadCount", "PartitionSize", "FailureMaxCount",
            "RecordFailureDelayInMinutes", "RecordSuspendDelayInMinutes", "MaxKeyColumnSize",
            "TableFailureMaxCount", "ValidationOnly", "HandleCollationDiff", "RecordFailureDelayLimitInMinutes",
            "SkipLobColumns", "ValidationPartialLobSize", "ValidationQueryCdcDelaySeconds",
            "ValidationS3Mask", "ValidationS3Time",
        }
    ),
    "PostProcessingRules": frozenset(),
}  # fmt: skip

# Switches that would change what the task does, in ways that the twin does not follow.
REFUSED_WHEN_ON = frozenset(
    {
        "EnableTT", "EnableLoopbackPrevention", "EnableBeforeImage", "EnableValidation", "ValidationOnly",
        "HistoryTableEnabled", "SuspendedTablesTableEnabled", "StatusTableEnabled",
        "CharacterReplacements", "CharacterSetSupport", "CommitPositionTableEnabled",
    }
)  # fmt: skip


class TaskSettings(BaseModel):
    """All settings of a task, by group; absent or null groups have the defaults of DMS."""

    model_config = ConfigDict(extra="allow", alias_generator=to_pascal, frozen=True, strict=True)

    target_metadata: TargetMetadata = TargetMetadata()
    full_load_settings: FullLoadSettings = FullLoadSettings()
    error_behavior: ErrorBehavior = ErrorBehavior()
    fail_task_when_clean_task_resource_failed: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {name: group for name, group in value.items() if group is not None} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _check_passive(self) -> Self:
        for group, content in (self.model_extra or {}).items():
            refuse(group not in KNOWN, f"DMS knows no group of task settings called {group}.")
            refuse(not isinstance(content, dict), f"{group} must be an object.")
            for name, value in content.items():
                own = name in ("CloudWatchLogGroup", "CloudWatchLogStream")
                refuse(own, f"{group}.{name} belongs to DMS: it may not be set, not even to null.")
                refuse(name not in KNOWN[group], f"DMS knows no setting {group}.{name}.")
                on = name in REFUSED_WHEN_ON and bool(value)
                refuse(on, f"{group}.{name} is not supported by the twin (or by a Kinesis target): switch it off.")
        return self

    @property
    def lob_limit_kb(self) -> int | None:
        """Kilobytes that are kept of a LOB; None: columns of LOB types are left out."""
        return self.target_metadata.lob_max_size if self.target_metadata.support_lobs else None
