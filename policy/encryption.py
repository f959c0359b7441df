"""Rules about encryption: of what is kept, of connections, and of passwords that nobody needs."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph import Graph, Resource
from policy.rule import rule
from policy.unknown import known

# What keeps data, and the inputs of which one at least says that it is encrypted. Not listed, as AWS encrypts them
# whatever the program says: secrets, log groups, environments and zips of functions, storage of DMS, metrics.
_AT_REST: dict[str, tuple[str, ...]] = {
    "sqs/queue:Queue": ("sqsManagedSseEnabled", "kmsMasterKeyId"),
    "sns/topic:Topic": ("kmsMasterKeyId",),
    "kinesis/stream:Stream": ("kmsKeyId",),
    "rds/cluster:Cluster": ("storageEncrypted",),
    "elasticache/replicationGroup:ReplicationGroup": ("atRestEncryptionEnabled",),
    "dynamodb/table:Table": ("serverSideEncryption",),
}


@rule(*_AT_REST, do="Turn its encryption on, with a key of the service or of your own")
def data_are_encrypted(graph: Graph, resource: Resource) -> Iterator[str]:
    """Everything that keeps data keeps them encrypted.

    Source: Encryption at rest, in the guides of SQS, SNS, Kinesis, Aurora and ElastiCache
    """
    inputs = next(inputs for kind, inputs in _AT_REST.items() if resource.is_a(kind))
    if not any(_on(resource, name) for name in inputs):
        yield f"is not encrypted ({' or '.join(inputs)})"
    if resource.is_a("kinesis/stream:Stream") and resource.at("encryptionType") != "KMS":
        yield "is not encrypted (encryptionType)"


@rule("kms/key:Key", do="Set enableKeyRotation")
def keys_are_rotated(graph: Graph, key: Resource) -> Iterator[str]:
    """A key is renewed each year.

    Source: Rotating AWS KMS keys
    """
    if not key.at("enableKeyRotation"):
        yield "stays the same for ever"


@rule("elasticache/replicationGroup:ReplicationGroup", "ClusterParameterGroup", "dms/endpoint:Endpoint",
      "lambda/function:Function", do="Ask for TLS on both sides", local=False)  # fmt: skip
def connections_are_encrypted(graph: Graph, resource: Resource) -> Iterator[str]:
    """TLS to the database and the cache, asked for by the servers and by those who connect.

    Source: Requiring SSL/TLS for connections (Aurora PostgreSQL); In-transit encryption (ElastiCache); SSL with AWS
    DMS
    """
    if resource.is_a("ReplicationGroup"):
        if not resource.at("transitEncryptionEnabled") or resource.at("transitEncryptionMode") == "preferred":
            yield "takes connections without TLS"
    elif resource.is_a("ClusterParameterGroup"):
        values = {each["name"]: each["value"] for each in resource.at("parameters") or ()}
        if values.get("rds.force_ssl") != "1":
            yield "does not ask for TLS (rds.force_ssl)"
    elif resource.is_a("dms/endpoint:Endpoint"):
        if known(resource.inputs["endpointType"]) == "source" and resource.at("sslMode") in (None, "none"):
            yield "connects without TLS"
    else:
        variables = resource.at("environment", "variables") or {}
        if variables.get("DATABASE_SSLMODE", "require") not in ("require", "verify-ca", "verify-full"):
            yield "connects to the database without TLS"
        if variables.get("CACHE_TLS", "true") != "true":
            yield "connects to the cache without TLS"


@rule(
    "rds/cluster:Cluster", do="Set manageMasterUserPassword and iamDatabaseAuthenticationEnabled, and no masterPassword"
)
def database_keeps_no_password(graph: Graph, cluster: Resource) -> Iterator[str]:
    """The master's password is drawn and kept by RDS, and roles can log in by IAM: no password is in Pulumi's state.

    Source: Password management with Amazon Aurora and AWS Secrets Manager; IAM database authentication
    """
    if cluster.given("masterPassword") or not cluster.at("manageMasterUserPassword"):
        yield "has a master password of the program's"
    if not cluster.at("iamDatabaseAuthenticationEnabled"):
        yield "knows no login by IAM"


@rule(
    "elasticache/user:User",
    do="Set authenticationMode to iam, and an accessString that names keys and commands",
    local=False,
)
def cache_users_log_in_by_iam(graph: Graph, user: Resource) -> Iterator[str]:
    """A user of the cache has no password that could leak, and may not do everything.

    Source: Authenticating with IAM (ElastiCache); Role-Based Access Control (RBAC)
    """
    if user.at("authenticationMode", "type") != "iam":
        yield "does not log in by IAM"
    rights = str(user.at("accessString")).split()
    if "+@all" in rights or "~*" in rights or "allkeys" in rights or "allcommands" in rights:
        yield "may do everything"


@rule("rds/cluster:Cluster", do="Set backupRetentionPeriod, and a finalSnapshotIdentifier where deletion is protected")
def database_is_backed_up(graph: Graph, cluster: Resource) -> Iterator[str]:
    """The write model can be restored, and one that is protected from deletion leaves a snapshot when it goes.

    Source: Overview of backing up and restoring an Aurora DB cluster
    """
    if not cluster.at("backupRetentionPeriod"):
        yield "names no time for which backups are kept"
    if cluster.at("deletionProtection") and cluster.at("skipFinalSnapshot"):
        yield "is protected, and yet goes without a last snapshot"
    if not cluster.at("copyTagsToSnapshot"):
        yield "has snapshots without its tags"


def _on(resource: Resource, name: str) -> bool:
    """Whether an input turns encryption on; a key that is not known yet is a key."""
    return resource.given(name) and (bool(resource.uses.get(name)) or bool(resource.inputs[name]))
