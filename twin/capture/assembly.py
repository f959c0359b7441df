"""The parts of a task, made as its document says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twin.capture.catalog import describe
from twin.capture.checkpoint import Progress
from twin.capture.columns import Options
from twin.capture.errors import SourceError
from twin.capture.kinesis import KinesisStream
from twin.capture.policies import Name, Policies
from twin.capture.record import Format, RecordWriter
from twin.capture.sink import KinesisSink
from twin.capture.spec import Spec


def make_policies(
    spec: Spec, progress: Progress, on_suspended: Callable[[tuple[Name, ...]], None] = lambda _: None
) -> Policies:
    """Make the error policies of a task, with the tables that were suspended before."""
    return Policies(
        spec.settings,
        stop_on_truncation=bool(spec.source.postgres_settings.fail_tasks_on_lob_truncation),
        suspended=progress.suspended,
        on_suspended=on_suspended,
    )


def record_format(spec: Spec) -> Format:
    """Give the shape of the records that the target endpoint asks for."""
    kinesis = spec.target.kinesis_settings
    parallel = spec.settings.target_metadata.parallel_apply_threads > 0
    return Format(
        tabs=kinesis.message_format != "json-unformatted",
        nulls=bool(kinesis.include_null_and_empty),
        partition_value=bool(kinesis.include_partition_value),
        key_with_table=bool(kinesis.partition_include_schema_table),
        task=spec.resource_identifier,
        # With ParallelApply* settings DMS keys by primary key unless a mapping says otherwise.
        key_by_default="primary-key" if parallel else "schema-table",
    )


def make_writer(spec: Spec, policies: Policies, cursor: Any, schema: str, table: str) -> RecordWriter | None:
    """Make the writer of a table's records as the table is now.

    Returns:
        None if the table does not exist, is suspended, or may not be read and the policy says to go on.

    Raises:
        CaptureError: the table cannot be captured.
    """
    if policies.is_suspended(schema, table):
        return None
    described = describe(cursor, schema, table)
    if described is None:
        return None
    cursor.execute("select has_table_privilege(%s, 'select')", (described.sql_name,))
    if not cursor.fetchone()[0]:
        error = SourceError(f"role {spec.source.username} has no select on it.")
        policies.handle_table(error, schema, table)
        return None
    postgres, kinesis = spec.source.postgres_settings, spec.target.kinesis_settings
    options = Options(
        large_integers=bool(kinesis.use_large_integer_value),
        trim_char=postgres.trim_space_in_char is not False,
        jsonb_as_clob=bool(postgres.map_jsonb_as_clob),
        hex_prefix="" if kinesis.no_hex_prefix else "0x",
        lob_limit_kb=spec.settings.lob_limit_kb,
        on_truncation=policies.on_truncation,
    )
    return RecordWriter(described, spec.table_mappings.mapping(schema, table), record_format(spec), options)


def make_sink(spec: Spec, lanes: int, wake: int, on_accepted: Callable[[Sequence[str]], None]) -> KinesisSink:
    """Make the way to the stream, with `lanes` calls in flight, at least one."""
    aws = spec.aws
    streams = [
        KinesisStream(
            spec.target.stream_name,
            endpoint_url=aws.endpoint_url,
            region=aws.region,
            access_key_id=aws.access_key_id,
            secret_access_key=aws.secret_access_key,
            session_token=aws.session_token,
        )
        for _ in range(max(lanes, 1))
    ]
    retries = spec.settings.error_behavior.recoverable_error_count
    return KinesisSink(streams, wake=wake, on_accepted=on_accepted, retries=retries)
