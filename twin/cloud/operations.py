"""Which AWS API operation a resource type's inputs go to, and under which names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from twin.cloud import sqs


@dataclass(frozen=True)
class Operation:
    """An operation of an AWS API.

    Args:
        service: service as botocore calls it.
        name: operation.
        names: members by property, where they differ by more than their first letter's case.
        supplied: required members that the provider fills in by itself.
        skipped: properties that mean something else than the member of the same name.
        attributes: keys of the member `Attributes` by property.
        shapes: properties that the API takes in pieces, by the shape of its model that holds them all.
    """

    service: str
    name: str
    names: dict[str, str] = field(default_factory=dict)
    supplied: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    attributes: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)

    def member(self, prop: str, members: Iterable[str]) -> str | None:
        """Find the member that stands for a property; None if there is none."""
        if prop in self.skipped:
            return None
        wanted = self.names.get(prop, prop).lower()
        return next((member for member in members if member.lower() == wanted), None)

    def prop(self, member: str) -> str:
        """Give the property that a member stands for."""
        known = {name: prop for prop, name in self.names.items()}
        return known.get(member, member[0].lower() + member[1:])


def _op(service: str, operation: str, /, supplied: str = "", skipped: str = "", **names: str) -> Operation:
    return Operation(service, operation, names, frozenset(supplied.split()), frozenset(skipped.split()))


def _with(operation: Operation, **attributes: str) -> Operation:
    """The operation, with properties that are keys of its `Attributes`."""
    return replace(operation, attributes=attributes)


def _in_pieces(operation: Operation, **shapes: str) -> Operation:
    """The operation, with properties that it takes in pieces."""
    return replace(operation, shapes=shapes)


OPERATIONS: dict[str, Operation] = {
    "aws:apigateway/apiKey:ApiKey": _op("apigateway", "CreateApiKey"),
    "aws:apigateway/authorizer:Authorizer": _op(
        "apigateway", "CreateAuthorizer", supplied="type", restApi="restApiId", providerArns="providerARNs"
    ),
    "aws:apigateway/deployment:Deployment": _op("apigateway", "CreateDeployment", restApi="restApiId"),
    "aws:apigateway/integration:Integration": _op(
        "apigateway", "PutIntegration", restApi="restApiId", timeoutMilliseconds="timeoutInMillis"
    ),
    "aws:apigateway/method:Method": _op(
        "apigateway", "PutMethod", restApi="restApiId", authorization="authorizationType"
    ),
    "aws:apigateway/model:Model": _op("apigateway", "CreateModel", restApi="restApiId"),
    "aws:apigateway/requestValidator:RequestValidator": _op(
        "apigateway", "CreateRequestValidator", restApi="restApiId"
    ),
    "aws:apigateway/resource:Resource": _op("apigateway", "CreateResource", restApi="restApiId"),
    "aws:apigateway/response:Response": _op("apigateway", "PutGatewayResponse"),
    "aws:apigateway/restApi:RestApi": _op("apigateway", "CreateRestApi"),
    "aws:apigateway/stage:Stage": _op(
        "apigateway", "CreateStage", restApi="restApiId", deployment="deploymentId", xrayTracingEnabled="tracingEnabled"
    ),
    "aws:apigateway/usagePlan:UsagePlan": _op(
        "apigateway", "CreateUsagePlan", throttleSettings="throttle", quotaSettings="quota"
    ),
    "aws:apigateway/usagePlanKey:UsagePlanKey": _op("apigateway", "CreateUsagePlanKey"),
    "aws:cloudwatch/dashboard:Dashboard": _op("cloudwatch", "PutDashboard"),
    "aws:cloudwatch/logGroup:LogGroup": _op("logs", "CreateLogGroup", name="logGroupName"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _op("cloudwatch", "PutMetricAlarm", name="AlarmName"),
    "aws:dms/endpoint:Endpoint": _op(
        "dms", "CreateEndpoint", endpointId="EndpointIdentifier",
        postgresSettings="PostgreSQLSettings",
    ),
    "aws:dms/replicationInstance:ReplicationInstance": _op(
        "dms", "CreateReplicationInstance", replicationInstanceId="ReplicationInstanceIdentifier",
        replicationSubnetGroupId="ReplicationSubnetGroupIdentifier",
    ),
    "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup": _op(
        "dms", "CreateReplicationSubnetGroup", replicationSubnetGroupId="ReplicationSubnetGroupIdentifier"
    ),
    "aws:dms/replicationTask:ReplicationTask": _op(
        "dms", "CreateReplicationTask", replicationTaskId="ReplicationTaskIdentifier"
    ),
    "aws:dynamodb/table:Table": _op(
        "dynamodb", "CreateTable", supplied="KeySchema AttributeDefinitions", skipped="attributes", name="TableName"
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": _op(
        "elasticache", "CreateReplicationGroup", description="ReplicationGroupDescription", nodeType="CacheNodeType",
        subnetGroupName="CacheSubnetGroupName", parameterGroupName="CacheParameterGroupName",
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": _op(
        "elasticache", "CreateCacheSubnetGroup", supplied="CacheSubnetGroupDescription", name="CacheSubnetGroupName",
        description="CacheSubnetGroupDescription",
    ),
    "aws:elasticache/user:User": _op("elasticache", "CreateUser", skipped="noPasswordRequired"),
    "aws:elasticache/userGroup:UserGroup": _op("elasticache", "CreateUserGroup"),
    "aws:ec2/flowLog:FlowLog": _op(
        "ec2", "CreateFlowLogs", supplied="ResourceIds ResourceType", iamRoleArn="DeliverLogsPermissionArn"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _op("ec2", "CreateSecurityGroup", name="GroupName"),
    "aws:ec2/subnet:Subnet": _op("ec2", "CreateSubnet"),
    "aws:ec2/vpc:Vpc": _op("ec2", "CreateVpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _op("ec2", "CreateVpcEndpoint", policy="PolicyDocument"),
    "aws:iam/policy:Policy": _op("iam", "CreatePolicy", name="PolicyName", policy="PolicyDocument"),
    "aws:iam/role:Role": _op("iam", "CreateRole", name="RoleName", assumeRolePolicy="AssumeRolePolicyDocument"),
    "aws:iam/rolePolicy:RolePolicy": _op(
        "iam", "PutRolePolicy", role="RoleName", name="PolicyName", policy="PolicyDocument"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _op("iam", "AttachRolePolicy", role="RoleName"),
    "aws:kinesis/stream:Stream": _op("kinesis", "CreateStream", name="StreamName"),
    "aws:kms/alias:Alias": _op("kms", "CreateAlias", name="AliasName"),
    "aws:kms/key:Key": _op("kms", "CreateKey", customerMasterKeySpec="KeySpec"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _op("lambda", "CreateEventSourceMapping"),
    "aws:lambda/function:Function": _op(
        "lambda", "CreateFunction", supplied="Code", skipped="code", name="FunctionName"
    ),
    "aws:lambda/invocation:Invocation": _op("lambda", "Invoke", input="Payload"),
    "aws:lambda/permission:Permission": _op(
        "lambda", "AddPermission", supplied="StatementId", function="FunctionName"
    ),
    "aws:pipes/pipe:Pipe": _op("pipes", "CreatePipe"),
    "aws:rds/cluster:Cluster": _op(
        "rds", "CreateDBCluster", clusterIdentifier="DBClusterIdentifier",
        serverlessv2ScalingConfiguration="ServerlessV2ScalingConfiguration",
        enabledCloudwatchLogsExports="EnableCloudwatchLogsExports",
        iamDatabaseAuthenticationEnabled="EnableIAMDatabaseAuthentication",
    ),
    "aws:rds/clusterInstance:ClusterInstance": _op(
        "rds", "CreateDBInstance", identifier="DBInstanceIdentifier", clusterIdentifier="DBClusterIdentifier",
        instanceClass="DBInstanceClass",
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": _op(
        "rds", "CreateDBClusterParameterGroup", supplied="Description", name="DBClusterParameterGroupName",
        family="DBParameterGroupFamily",
    ),
    "aws:rds/subnetGroup:SubnetGroup": _op(
        "rds", "CreateDBSubnetGroup", supplied="DBSubnetGroupDescription", name="DBSubnetGroupName",
        description="DBSubnetGroupDescription",
    ),
    "aws:scheduler/schedule:Schedule": _op("scheduler", "CreateSchedule"),
    "aws:secretsmanager/secret:Secret": _op("secretsmanager", "CreateSecret"),
    "aws:secretsmanager/secretVersion:SecretVersion": _op("secretsmanager", "PutSecretValue"),
    "aws:sesv2/configurationSet:ConfigurationSet": _op("sesv2", "CreateConfigurationSet"),
    "aws:sesv2/emailIdentity:EmailIdentity": _op("sesv2", "CreateEmailIdentity"),
    "aws:sns/topic:Topic": _op("sns", "CreateTopic"),
    "aws:sns/topicSubscription:TopicSubscription": _op("sns", "Subscribe", topic="TopicArn"),
    "aws:sns/topicPolicy:TopicPolicy": _op(
        "sns", "SetTopicAttributes", supplied="AttributeName", arn="TopicArn", policy="AttributeValue"
    ),
    "aws:sqs/queue:Queue": _with(_op("sqs", "CreateQueue", name="QueueName"), **sqs.ATTRIBUTES),
    "aws:sqs/queuePolicy:QueuePolicy": _with(
        _op("sqs", "SetQueueAttributes", supplied="Attributes"), policy="Policy"
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _with(
        _op("sqs", "SetQueueAttributes", supplied="Attributes"), redriveAllowPolicy="RedriveAllowPolicy"
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _op(
        "ec2", "AuthorizeSecurityGroupEgress", securityGroupId="GroupId"
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _op(
        "ec2", "AuthorizeSecurityGroupIngress", securityGroupId="GroupId"
    ),
    "aws:apigateway/methodSettings:MethodSettings": _in_pieces(
        _op("apigateway", "UpdateStage", restApi="restApiId"), settings="MethodSetting"
    ),
}  # fmt: skip

# What the provider does after it has made a resource, or when it removes it, with the properties left over.
FURTHER: dict[str, tuple[Operation, ...]] = {
    "aws:apigateway/stage:Stage": (
        _in_pieces(_op("apigateway", "UpdateStage"), accessLogSettings="AccessLogSettings"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (_op("logs", "PutRetentionPolicy"),),
    "aws:dms/replicationInstance:ReplicationInstance": (_op("dms", "ModifyReplicationInstance"),),
    "aws:dynamodb/table:Table": (_op("dynamodb", "UpdateTimeToLive", ttl="TimeToLiveSpecification"),),
    "aws:ec2/subnet:Subnet": (_op("ec2", "ModifySubnetAttribute"),),
    "aws:ec2/vpc:Vpc": (_op("ec2", "ModifyVpcAttribute"),),
    "aws:elasticache/replicationGroup:ReplicationGroup": (_op("elasticache", "ModifyReplicationGroup"),),
    "aws:kinesis/stream:Stream": (
        _op("kinesis", "IncreaseStreamRetentionPeriod", retentionPeriod="RetentionPeriodHours"),
        _op("kinesis", "StartStreamEncryption", kmsKeyId="KeyId"),
    ),
    "aws:kms/key:Key": (_op("kms", "ScheduleKeyDeletion", deletionWindowInDays="PendingWindowInDays"),),
    "aws:lambda/function:Function": (_op("lambda", "PutFunctionConcurrency"),),
    "aws:rds/cluster:Cluster": (
        _op("rds", "ModifyDBCluster"),
        _op("rds", "DeleteDBCluster", finalSnapshotIdentifier="FinalDBSnapshotIdentifier"),
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": (_op("rds", "ModifyDBClusterParameterGroup"),),
    "aws:secretsmanager/secret:Secret": (_op("secretsmanager", "DeleteSecret"),),
}  # fmt: skip
