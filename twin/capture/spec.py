"""What a task is told: the JSON document that starts it, checked before anything is touched.

Source: AWS API model of DMS (CreateEndpoint, CreateReplicationTask); names of endpoint settings as
Pulumi's EndpointPostgresSettingsArgs and EndpointKinesisSettingsArgs spell them.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from twin.capture.errors import SpecError
from twin.capture.mappings import TableMappings, parse_mappings
from twin.capture.settings import TaskSettings, refuse

SLOT_NAME_LIMIT = 63


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)


class PostgresSettings(_Model):
    """Settings of the source endpoint; None is the default of DMS."""

    after_connect_script: str | None = None
    authentication_method: Literal["password"] | None = None
    babelfish_database_name: str | None = None
    capture_ddls: bool | None = None
    database_mode: Literal["default"] | None = None
    ddl_artifacts_schema: str | None = None
    disable_unicode_source_filter: bool | None = None
    execute_timeout: int | None = None
    fail_tasks_on_lob_truncation: bool | None = None
    heartbeat_enable: bool | None = None
    heartbeat_frequency: int | None = Field(default=None, ge=1)
    heartbeat_schema: str | None = None
    map_boolean_as_boolean: bool | None = None
    map_jsonb_as_clob: bool | None = None
    map_long_varchar_as: Literal["wstring", "clob", "nclob"] | None = None
    max_file_size: int | None = None
    plugin_name: Literal["no-preference", "test-decoding"] | None = None
    service_access_role_arn: str | None = None
    slot_name: str | None = None
    trim_space_in_char: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(
            self.capture_ddls is not False,
            "capture_ddls must be false: by default DMS installs an event trigger, which needs rds_superuser.",
        )
        refuse(bool(self.slot_name), "slot_name goes with a start position that the twin does not take: leave it out.")
        refuse(bool(self.after_connect_script), "after_connect_script is not supported by the twin.")
        refuse(self.map_long_varchar_as is not None, "map_long_varchar_as is not supported by the twin.")
        return self


class Source(_Model):
    """The Aurora PostgreSQL endpoint. Its TLS mode is honoured: none, require, verify-ca or verify-full."""

    host: str
    port: int = Field(ge=1, le=65535)
    database: str = Field(min_length=1)
    username: str
    password: str = Field(repr=False)
    ssl_mode: Literal["none", "require", "verify-ca", "verify-full"] = "none"
    ssl_root_certificate: Path | None = None
    postgres_settings: PostgresSettings

    def connection(self) -> dict[str, Any]:
        """Give the arguments for psycopg2.connect; text of values does not depend on the server's settings."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.username,
            "password": self.password,
            "sslmode": "disable" if self.ssl_mode == "none" else self.ssl_mode,
            **({"sslrootcert": str(self.ssl_root_certificate)} if self.ssl_root_certificate else {}),
            "connect_timeout": 10,
            "client_encoding": "UTF8",
            "application_name": "dms",
            "keepalives_idle": 10,
            "options": "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c search_path=pg_catalog "
            "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0",
        }


class KinesisSettings(_Model):
    """Settings of the target endpoint. Control records are not written by the twin, so none may be asked for."""

    stream_arn: str | None = None
    service_access_role_arn: str | None = None
    message_format: Literal["json", "json-unformatted"] | None = None
    include_control_details: bool | None = None
    include_null_and_empty: bool | None = None
    include_partition_value: bool | None = None
    include_table_alter_operations: bool | None = None
    include_transaction_details: bool | None = None
    no_hex_prefix: bool | None = None
    partition_include_schema_table: bool | None = None
    use_large_integer_value: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(bool(self.include_control_details), "include_control_details: the twin writes no control records.")
        refuse(
            bool(self.include_table_alter_operations),
            "include_table_alter_operations: the twin writes no control records.",
        )
        return self


class Target(_Model):
    """The stream."""

    stream_arn: str = Field(pattern=r"^arn:[^:]+:kinesis:[^:]+:\d{12}:stream/[\w.-]{1,128}$")
    kinesis_settings: KinesisSettings = KinesisSettings()

    @property
    def stream_name(self) -> str:
        """Name of the stream."""
        return self.stream_arn.rpartition("/")[2]


class Aws(_Model):
    """Where Kinesis is and who asks."""

    endpoint_url: str = Field(pattern=r"^https?://")
    region: str
    access_key_id: str
    secret_access_key: str = Field(repr=False)
    session_token: str | None = Field(default=None, repr=False)


class Spec(_Model):
    """One replication task."""

    task_id: str = Field(min_length=1)
    resource_identifier: str = Field(min_length=1)
    migration_type: Literal["full-load-and-cdc", "cdc"]
    table_mappings: TableMappings
    settings: TaskSettings = TaskSettings()
    source: Source
    target: Target
    aws: Aws
    folder: Path

    @field_validator("table_mappings", mode="before")
    @classmethod
    def _mappings(cls, value: Any) -> TableMappings:
        return parse_mappings(value)

    @field_validator("settings", mode="before")
    @classmethod
    def _no_settings(cls, value: Any) -> Any:
        return {} if value is None else value

    @cached_property
    def slot_name(self) -> str:
        """Name of the task's replication slot: the same for the same task on the same database."""
        identity = json.dumps([self.task_id, self.resource_identifier, self.source.database])
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        readable = re.sub(r"[^a-z0-9_]", "_", self.resource_identifier.lower())
        return f"{readable[: SLOT_NAME_LIMIT - 17]}_{digest}"


def parse_spec(document: Any) -> Spec:
    """Check the document of a task (parsed JSON).

    Raises:
        SpecError: DMS would refuse it, or the twin does not support it; the message names every place.
    """
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        places = "\n".join(
            f"  {'.'.join(map(str, part['loc'])) or 'document'}: {part['msg']}"
            for part in error.errors(include_url=False, include_input=False)
        )
        raise SpecError(f"The replication task is refused:\n{places}") from error


def read_spec(path: Path) -> Spec:
    """Read and check the document of a task.

    Raises:
        SpecError: the file is missing, is not JSON, or is refused.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(f"Cannot read the task's document {path}: {error}") from error
    return parse_spec(document)
