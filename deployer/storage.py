"""What keeps data, and the keys and secrets to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.need import LOOK_AT_NETWORK, OLD_TAGS, Need, service_role

_DATABASES = ("rds:*:*:cluster:{prefix}*", "rds:*:*:db:{prefix}*", "rds:*:*:cluster-pg:{prefix}*")
_RDS = (*_DATABASES, "rds:*:*:subgrp:{prefix}*", "rds:*:*:cluster-snapshot:{prefix}*")
_RDS_TAGS = Need("rds", OLD_TAGS, _RDS)
_CACHES = tuple(
    f"elasticache:*:*:{kind}:{{prefix}}*"
    for kind in ("cluster", "replicationgroup", "subnetgroup", "user", "usergroup")
)
_CACHE_TAGS = Need("elasticache", OLD_TAGS, _CACHES)

NEEDS: Mapping[str, Sequence[Need]] = {
    "aws:dynamodb/table:Table": (
        Need(
            "dynamodb",
            (
                *("CreateTable", "DescribeTable", "UpdateTable", "DeleteTable"),
                *("DescribeTimeToLive", "UpdateTimeToLive", "DescribeContinuousBackups", "UpdateContinuousBackups"),
                *("TagResource", "UntagResource", "ListTagsOfResource"),
            ),
            ("dynamodb:*:*:table/{prefix}*",),
        ),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        Need(
            "elasticache",
            (
                *("CreateReplicationGroup", "DescribeReplicationGroups", "ModifyReplicationGroup"),
                *("DeleteReplicationGroup", "IncreaseReplicaCount", "DecreaseReplicaCount", "DescribeCacheClusters"),
                "ModifyReplicationGroupShardConfiguration",
            ),
            (*_CACHES, "elasticache:*:*:parametergroup:default*", "elasticache:*:*:snapshot:{prefix}*"),
        ),
        _CACHE_TAGS,
        LOOK_AT_NETWORK,
        service_role("elasticache"),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": (
        Need(
            "elasticache",
            (
                *("CreateCacheSubnetGroup", "DescribeCacheSubnetGroups"),
                *("ModifyCacheSubnetGroup", "DeleteCacheSubnetGroup"),
            ),
            _CACHES,
        ),
        _CACHE_TAGS,
    ),
    "aws:elasticache/user:User": (
        Need("elasticache", ("CreateUser", "DescribeUsers", "ModifyUser", "DeleteUser"), _CACHES),
        _CACHE_TAGS,
    ),
    "aws:elasticache/userGroup:UserGroup": (
        Need("elasticache", ("CreateUserGroup", "DescribeUserGroups", "ModifyUserGroup", "DeleteUserGroup"), _CACHES),
        _CACHE_TAGS,
    ),
    "aws:kms/alias:Alias": (
        Need("kms", ("ListAliases",)),
        Need("kms", ("CreateAlias", "UpdateAlias", "DeleteAlias"), ("kms:*:*:alias/{prefix}*", "kms:*:*:key/*")),
    ),
    "aws:kms/key:Key": (
        Need("kms", ("CreateKey",)),
        Need(
            "kms",
            (
                *("DescribeKey", "GetKeyPolicy", "PutKeyPolicy", "GetKeyRotationStatus", "EnableKeyRotation"),
                *("UpdateKeyDescription", "ScheduleKeyDeletion", "ListResourceTags", "TagResource", "UntagResource"),
            ),
            ("kms:*:*:key/*",),
        ),
    ),
    "aws:rds/cluster:Cluster": (
        Need(
            "rds",
            (
                *("CreateDBCluster", "DescribeDBClusters", "ModifyDBCluster", "DeleteDBCluster"),
                *("DescribeGlobalClusters", "CreateDBClusterSnapshot"),
            ),
            (*_RDS, "rds::*:global-cluster:*"),
        ),
        _RDS_TAGS,
        LOOK_AT_NETWORK,
        # The secret of the master user, which RDS makes on the caller's account.
        Need("kms", ("DescribeKey",), ("kms:*:*:key/*",)),
        Need("secretsmanager", ("CreateSecret", "TagResource", "RotateSecret"), ("secretsmanager:*:*:secret:rds!*",)),
        service_role("rds"),
    ),
    "aws:rds/clusterInstance:ClusterInstance": (
        Need("rds", ("CreateDBInstance", "DescribeDBInstances", "ModifyDBInstance", "DeleteDBInstance"), _RDS),
        _RDS_TAGS,
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": (
        Need(
            "rds",
            (
                *("CreateDBClusterParameterGroup", "DescribeDBClusterParameterGroups"),
                *("DescribeDBClusterParameters", "ModifyDBClusterParameterGroup"),
                *("ResetDBClusterParameterGroup", "DeleteDBClusterParameterGroup"),
            ),
            _RDS,
        ),
        _RDS_TAGS,
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        Need(
            "rds",
            ("CreateDBSubnetGroup", "DescribeDBSubnetGroups", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup"),
            _RDS,
        ),
        _RDS_TAGS,
    ),
    "aws:secretsmanager/secret:Secret": (
        Need(
            "secretsmanager",
            (
                *("CreateSecret", "DescribeSecret", "GetResourcePolicy", "UpdateSecret", "DeleteSecret"),
                *("TagResource", "UntagResource"),
            ),
            ("secretsmanager:*:*:secret:{prefix}*",),
        ),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        Need(
            "secretsmanager",
            ("PutSecretValue", "GetSecretValue", "UpdateSecretVersionStage", "ListSecretVersionIds"),
            ("secretsmanager:*:*:secret:{prefix}*",),
        ),
    ),
}
