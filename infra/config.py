"""The stack's configuration: one model, read once, before any resource exists.

Keys are those of `Pulumi.yaml`, which also describes each; names here are theirs in snake case.
What no single value can tell, pairs that cannot be, is in `config_rules`.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from infra.certificates import bundle_problem
from infra.config_rules import impossible_pairs
from infra.errors import ConfigError
from infra.names import Names

# What CloudWatch Logs accepts, in days ("PutRetentionPolicy").
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# Namespaces of keys that are not the program's.
_PROVIDERS = ("aws", "pulumi", "random")


# An address and nothing around it: no display name, no list.
_ADDRESS = r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+$"


class Config(BaseModel):
    """Everything that may differ between two stacks."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")

    # Where
    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$")]
    region_is_new: bool = False
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    name_prefix: str | None = None
    owner: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    cost_center: Annotated[str, Field(min_length=1, max_length=256)] | None = None

    # Network
    vpc_cidr: str = "10.20.0.0/16"
    zones: Annotated[int, Field(ge=2, le=3)] = 2
    availability_zones: list[str] = []
    flow_logs: Literal["none", "rejected", "all"] = "none"

    # Database
    database_name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = "orders"
    database_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")] = "16.8"
    database_min_acu: Annotated[float, Field(ge=0.5, le=256, multiple_of=0.5)] = 0.5
    database_max_acu: Annotated[float, Field(ge=1, le=256, multiple_of=0.5)] = 4
    database_instances: Annotated[int, Field(ge=1, le=10)] = 1
    database_backup_days: Annotated[int, Field(ge=1, le=35)] = 7
    database_auth: Literal["iam", "secret"] = "iam"
    database_ssl_mode: Literal["disable", "require", "verify-full"] = "require"
    database_ssl_root_cert: str | None = None
    deletion_protection: bool = False
    final_snapshot: bool = False
    apply_immediately: bool = True
    secret_recovery_days: Annotated[int, Field(ge=0, le=30)] = 0

    # Change capture
    capture_class: Annotated[str, Field(pattern=r"^dms\.[a-z0-9]+\.[0-9a-z]+$")] = "dms.t3.medium"
    capture_storage_gb: Annotated[int, Field(ge=5, le=6144)] = 20
    capture_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] | None = None
    capture_multi_az: bool = False
    capture_roles: Literal["find", "create", "existing"] = "find"

    # Bus
    stream_mode: Literal["ON_DEMAND", "PROVISIONED"] = "PROVISIONED"
    stream_shards: Annotated[int, Field(ge=1, le=500)] = 1
    stream_retention_hours: Annotated[int, Field(ge=24, le=8760)] = 24
    messages_tls: bool = True
    pipe_batch_size: Annotated[int, Field(ge=1, le=10)] = 10
    pipe_window_seconds: Annotated[int, Field(ge=0, le=300)] = 0
    pipe_retries: Annotated[int, Field(ge=0, le=10000)] = 20
    pipe_max_age_seconds: Annotated[int, Field(ge=60, le=604800)] = 43200
    pipe_parallelization: Annotated[int, Field(ge=1, le=10)] = 1

    # Consumers
    consumer_batch_size: Annotated[int, Field(ge=1, le=10000)] = 10
    consumer_window_seconds: Annotated[int, Field(ge=0, le=300)] = 0
    consumer_concurrency: Annotated[int, Field(ge=2, le=1000)] = 10
    consumer_receives: Annotated[int, Field(ge=1, le=1000)] = 5
    consumer_timeout: Annotated[int, Field(ge=1, le=900)] = 30

    # Mails
    mail_sender: Annotated[str, Field(pattern=_ADDRESS, max_length=254)] | None = None
    mail_identity: Annotated[str, Field(min_length=3, max_length=254)] | None = None
    mail_identity_source: Literal["create", "existing"] = "create"
    mail_sandbox: bool = True
    mail_sandbox_recipient: Annotated[str, Field(pattern=_ADDRESS, max_length=254)] = "success@simulator.amazonses.com"
    mail_max_age_hours: Annotated[int, Field(ge=1, le=720)] = 72
    mail_concurrency: Annotated[int, Field(ge=2, le=1000)] = 2
    mail_ledger_recovery: bool = False

    # Cache
    cache_node_type: Annotated[str, Field(pattern=r"^cache\.[a-z0-9]+\.[0-9a-z]+$")] = "cache.t4g.micro"
    cache_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")] = "8.0"
    cache_nodes: Annotated[int, Field(ge=1, le=6)] = 1
    cache_shards: Annotated[int, Field(ge=1, le=90)] = 1
    cache_multi_az: bool = False
    cache_snapshot_days: Annotated[int, Field(ge=0, le=35)] = 0
    cache_tls: bool = True
    cache_auth: Literal["iam", "none"] = "iam"

    # Functions
    architecture: Literal["arm64", "x86_64"] = "arm64"
    runtime: Literal["python3.11", "python3.12", "python3.13", "python3.14"] = "python3.13"
    packages_for: Literal["lambda", "host"] = "lambda"
    function_memory: Annotated[int, Field(ge=128, le=10240)] = 512
    migrate_timeout: Annotated[int, Field(ge=10, le=900)] = 300
    place_order_concurrency: Annotated[int, Field(ge=0, le=10000)] = 0
    administer_concurrency: Annotated[int, Field(ge=0, le=10000)] = 0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_retention_days: int = 14
    tracing: bool = True
    idempotency_hours: Annotated[int, Field(ge=1, le=720)] = 24
    outbox_hours: Annotated[int, Field(ge=24, le=8760)] = 72
    prune_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    prune_per_second: Annotated[int, Field(ge=10, le=10000)] = 200
    reconcile_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    reconcile_per_second: Annotated[int, Field(ge=10, le=10000)] = 200
    read_wait_ms: Annotated[int, Field(ge=0, le=20000)] = 2000

    # API
    api_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] = "OrdersAPI"
    api_user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")] = "orders"
    api_password_serial: Annotated[int, Field(ge=1)] = 1
    api_timeout: Annotated[int, Field(ge=1, le=29)] = 10
    api_rate: Annotated[int, Field(ge=1, le=10000)] = 100
    api_burst: Annotated[int, Field(ge=1, le=5000)] = 200
    api_daily_quota: Annotated[int, Field(ge=0)] = 0
    api_key_required: bool = True
    api_log_role: Literal["find", "create", "existing"] = "find"
    authorizer_cache_seconds: Annotated[int, Field(ge=0, le=3600)] = 300
    credentials_max_age_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    credentials_overlap_seconds: Annotated[int, Field(ge=0, le=604800)] = 86400

    # Alarms
    alarm_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    alarm_lag_seconds: Annotated[int, Field(ge=5, le=86400)] = 60
    alarm_slot_bytes: Annotated[int, Field(ge=1_000_000)] = 2_000_000_000

    @field_validator("vpc_cidr")
    @classmethod
    def _private_network(cls, value: str) -> str:
        network = ipaddress.IPv4Network(value)
        # A /22 leaves 59 addresses in a subnet: functions take one each, and more when many run.
        if not network.is_private or not 16 <= network.prefixlen <= 22:
            raise ValueError("must be a private IPv4 network between /16 and /22")
        return value

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, value: int) -> int:
        if value not in LOG_RETENTION_DAYS:
            raise ValueError(f"must be one of {', '.join(map(str, LOG_RETENTION_DAYS))}")
        return value

    @field_validator("secret_recovery_days")
    @classmethod
    def _known_recovery(cls, value: int) -> int:
        if 0 < value < 7:
            raise ValueError("must be 0 (delete at once) or 7 to 30")
        return value

    @property
    def database_family(self) -> str:
        """Family of the parameter group, such as `aurora-postgresql16`."""
        return f"aurora-postgresql{self.database_version.split('.')[0]}"

    @property
    def sharded_cache_parameters(self) -> str:
        """AWS's own parameter group for a cache of several shards, such as `default.valkey8.cluster.on`."""
        return f"default.valkey{self.cache_version.split('.')[0]}.cluster.on"


def load(values: dict[str, Any], names: Names, problems: Sequence[str] = ()) -> Config:
    """Check the values of one stack, by their keys without the namespace.

    Args:
        problems: mistakes that were found elsewhere, to be told with the others.

    Raises:
        ConfigError: with every mistake, those of the names included.
    """
    problems = [*problems, *names.problems()]
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors()}
        problems += [_sentence(names.project, detail) for detail in error.errors()]
        # The rest is looked at too, so that the next run does not find the next mistake.
        rest = {"region": "eu-central-1"} | {key: value for key, value in values.items() if key not in wrong}
        problems += impossible_pairs(Config.model_validate(rest), names.project, without=wrong)
        raise ConfigError(names.stack, problems) from None
    problems += impossible_pairs(config, names.project)
    if problems:
        raise ConfigError(names.stack, problems)
    return config


def read(root: Path) -> tuple[Config, Names]:
    """Read the configuration of the stack that runs.

    Args:
        root: the repository, in which the files that the configuration names must be.

    Raises:
        ConfigError: with every mistake.
    """
    project, stack = pulumi.get_project(), pulumi.get_stack()
    known = {field.alias or name: field for name, field in Config.model_fields.items()}
    # All that the stack sets, the unknown keys too: a mistyped one must not pass unseen.
    given = [key.partition(":") for key in pulumi.runtime.get_config_env()]
    other = sorted({space for space, _, key in given if space not in (project, *_PROVIDERS) and key in known})
    if other:
        raise ConfigError(
            stack,
            [
                f"The project is called {project!r}, but keys of Pulumi.{stack}.yaml start with {space!r}: "
                f"write {project}: in front of them, or name the project {space!r} in Pulumi.yaml."
                for space in other
            ],
        )
    bag = pulumi.Config()
    values: dict[str, Any] = {}
    for key in dict.fromkeys([*known, *(key for space, _, key in given if space == project)]):
        raw = bag.get(key)
        if raw:  # Pulumi.yaml gives an empty text to what has no default.
            values[key] = _parsed(raw) if key in known and get_origin(known[key].annotation) is list else raw
    names = Names(project, stack, str(values.get("region", "")), values.get("namePrefix"))
    bundle, key = values.get("databaseSslRootCert"), f"{project}:databaseSslRootCert"
    problem = bundle_problem(root, bundle, names.region, key) if bundle else None
    return load(values, names, [problem] if problem else []), names


def _parsed(raw: str) -> Any:
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        return raw  # The model says what it should have been.


def _sentence(project: str, detail: ErrorDetails) -> str:
    key = f"{project}:" + ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{key} is not set: `pulumi config set {key} <value>`."
    if detail["type"] == "extra_forbidden":
        return f"{key} is no key of this program: the keys are in Pulumi.yaml."
    return f"{key} is {detail['input']!r}: {detail['msg'].removeprefix('Value error, ')}."
