"""Breaches of the rules about permissions, policies and encryption."""

from __future__ import annotations

from policy import encryption, permissions, resource_policies
from policy.rule import Rule
from tests.infra.breaks import Break, add, allow, change, document, nested, remove, unlink, without

ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
DMS_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole"
EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
NETWORK_RIGHT = '{"Statement": {"Effect": "Allow", "Action": "ec2:DescribeSubnets", "Resource": "*"}}'
FUNCTION, VARIABLES = "lambda/function:Function", "environment.variables"


SECURITY: list[tuple[Rule, Break]] = [
    (permissions.roles_have_no_wildcards, document("RolePolicy", "place-order-policy", allow(["sqs:*"], "arn:a"))),
    (permissions.roles_have_no_wildcards, document("RolePolicy", "place-order-policy", allow(["sqs:SendMessage"]))),
    (
        permissions.roles_have_no_wildcards,
        document("RolePolicy", "place-order-policy", allow(["sqs:SendMessage"], "arn:aws:sqs:eu-central-1:1:*")),
    ),
    (
        permissions.roles_have_no_wildcards,
        change(
            "iam/role:Role",
            "place-order-role",
            inlinePolicies=[{"policy": EVERYTHING}],
        ),
    ),
    (
        permissions.network_rights_are_lambdas_alone,
        document("RolePolicy", "place-order-policy", lambda statements: statements.pop()),
    ),
    (permissions.roles_have_no_wildcards, add("aws:iam/policy:Policy", policy=EVERYTHING)),
    (
        permissions.network_rights_are_lambdas_alone,
        change("iam/role:Role", "authorize-role", inlinePolicies=[{"policy": NETWORK_RIGHT}]),
    ),
    (
        permissions.attached_policies_are_known,
        add(ATTACHMENT, {"role": ("iam/role:Role", "authorize-role")}, policyArn=DMS_POLICY),
    ),
    (
        permissions.attached_policies_are_known,
        change("RolePolicyAttachment", policyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    (
        permissions.roles_are_taken_by_services,
        document(
            "iam/role:Role",
            "pipe-role",
            lambda statements: statements[0].pop("Condition"),
            "assumeRolePolicy",
        ),
    ),
    (
        permissions.roles_are_taken_by_services,
        document(
            "iam/role:Role",
            "place-order-role",
            lambda statements: statements[0].update(Principal={"AWS": "*"}),
            "assumeRolePolicy",
        ),
    ),
    (
        permissions.roles_are_taken_by_services,
        document(
            "iam/role:Role",
            "place-order-role",
            lambda statements: statements[0].update(Principal={"Service": "ec2.amazonaws.com"}),
            "assumeRolePolicy",
        ),
    ),
    (permissions.permissions_name_their_source, change("lambda/permission:Permission", sourceArn=None)),
    (permissions.permissions_name_their_source, change("lambda/permission:Permission", sourceArn="arn:api/*/*")),
    (permissions.permissions_name_their_source, change("lambda/permission:Permission", principal="*")),
    (permissions.permissions_name_their_source, change("lambda/permission:Permission", action="lambda:*")),
    (
        permissions.secrets_stay_out_of_environments,
        nested(FUNCTION, "place-order-function", f"{VARIABLES}.DATABASE_PASSWORD", "swordfish"),
    ),
    (
        permissions.secrets_stay_out_of_environments,
        nested(FUNCTION, "place-order-function", f"{VARIABLES}.LOGIN_SECRETS", '{"app": "swordfish"}'),
    ),
    (
        resource_policies.resource_policies_are_closed,
        document("QueuePolicy", "project-clients-queue-policy", allow(["sqs:SendMessage"], Principal="*")),
    ),
    (
        resource_policies.resource_policies_are_closed,
        document("QueuePolicy", None, allow(["sqs:SendMessage"], Principal={"Service": "sns.amazonaws.com"})),
    ),
    (
        resource_policies.resource_policies_are_closed,
        document("kms/key:Key", None, allow(["kms:Decrypt"], Principal={"AWS": "*"})),
    ),
    (resource_policies.resource_policies_are_closed, change("VpcEndpoint", policy=None)),
    (
        resource_policies.messages_go_by_tls_only,
        document(
            "QueuePolicy",
            "project-clients-queue-policy",
            without("Deny"),
        ),
    ),
    (
        resource_policies.messages_go_by_tls_only,
        document(
            "TopicPolicy",
            None,
            without("Deny"),
        ),
    ),
    (
        resource_policies.keys_are_for_their_services,
        document("kms/key:Key", None, lambda statements: statements[1]["Principal"].update(Service=[])),
    ),
    (
        resource_policies.keys_are_for_their_services,
        document(
            "kms/key:Key", None, lambda statements: statements[1]["Principal"]["Service"].append("s3.amazonaws.com")
        ),
    ),
    (
        resource_policies.keys_are_for_their_services,
        document("kms/key:Key", None, lambda statements: statements[1].update(Action=["kms:Decrypt"])),
    ),
    (resource_policies.queues_let_their_topics_in, remove("QueuePolicy", "project-clients-queue-policy")),
    (resource_policies.queues_let_their_topics_in, remove("QueuePolicy", "project-clients-dead-policy")),
    (resource_policies.queues_let_their_topics_in, unlink("TopicSubscription")),
    (encryption.data_are_encrypted, change("Queue", "pipe-undelivered", sqsManagedSseEnabled=False)),
    (encryption.data_are_encrypted, change("sns/topic:Topic", "bus-topic", kmsMasterKeyId=None)),
    (encryption.data_are_encrypted, change("Stream", kmsKeyId=None)),
    (encryption.data_are_encrypted, change("Stream", encryptionType="NONE")),
    (encryption.data_are_encrypted, change("rds/cluster:Cluster", storageEncrypted=False)),
    (encryption.data_are_encrypted, change("ReplicationGroup", atRestEncryptionEnabled=False)),
    (encryption.keys_are_rotated, change("kms/key:Key", enableKeyRotation=False)),
    (encryption.connections_are_encrypted, change("ReplicationGroup", transitEncryptionEnabled=False)),
    (encryption.connections_are_encrypted, change("ReplicationGroup", transitEncryptionMode="preferred")),
    (encryption.connections_are_encrypted, change("ClusterParameterGroup", parameters=[])),
    (encryption.connections_are_encrypted, change("dms/endpoint:Endpoint", "capture-source", sslMode="none")),
    (
        encryption.connections_are_encrypted,
        nested(FUNCTION, "place-order-function", f"{VARIABLES}.DATABASE_SSLMODE", "prefer"),
    ),
    (encryption.connections_are_encrypted, nested(FUNCTION, "get-client-function", f"{VARIABLES}.CACHE_TLS", "false")),
    (encryption.database_keeps_no_password, change("rds/cluster:Cluster", masterPassword="swordfish")),
    (encryption.database_keeps_no_password, change("rds/cluster:Cluster", iamDatabaseAuthenticationEnabled=False)),
    (encryption.cache_users_log_in_by_iam, change("elasticache/user:User", authenticationMode={"type": "password"})),
    (encryption.cache_users_log_in_by_iam, change("elasticache/user:User", accessString="on ~* +@read")),
    (encryption.database_is_backed_up, change("rds/cluster:Cluster", backupRetentionPeriod=None)),
    (encryption.database_is_backed_up, change("rds/cluster:Cluster", copyTagsToSnapshot=False)),
    (encryption.database_is_backed_up, change("rds/cluster:Cluster", deletionProtection=True, skipFinalSnapshot=True)),
]  # fmt: skip
