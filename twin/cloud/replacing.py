"""Which properties AWS cannot change in place, so that a change makes a new resource.

Pulumi's AWS provider wraps Terraform's; these are the arguments that the schemas of terraform-provider-aws mark
`ForceNew`, in the provider's names ("Argument Reference" of each resource: "Forces new resource"). A dotted name is
a member of a property. A type that is not listed, and whose kind can change it, is always changed in place.

`region` is one of them for every type that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_NAME = "name namePrefix"
_ADDRESS = "allocationId connectivityType privateIp subnetId"
_GROUP_RULE = "cidrBlocks fromPort ipv6CidrBlocks prefixListIds protocol securityGroupId self sourceSecurityGroupId"
_METHOD = "httpMethod resourceId restApi"

_TABLE = {
    "aws:apigateway/apiKey:ApiKey": "name value",
    "aws:apigateway/authorizer:Authorizer": "restApi",
    "aws:apigateway/deployment:Deployment": "restApi triggers variables",
    "aws:apigateway/integration:Integration": f"{_METHOD} credentials integrationHttpMethod passthroughBehavior type",
    "aws:apigateway/method:Method": _METHOD,
    "aws:apigateway/methodSettings:MethodSettings": "methodPath restApi stageName",
    "aws:apigateway/model:Model": "contentType name restApi",
    "aws:apigateway/requestValidator:RequestValidator": "restApi",
    "aws:apigateway/resource:Resource": "restApi",
    "aws:apigateway/response:Response": "responseType restApiId",
    "aws:apigateway/stage:Stage": "restApi stageName",
    "aws:apigateway/usagePlanKey:UsagePlanKey": "keyId keyType usagePlanId",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "alarmName",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cloudwatch/logGroup:LogGroup": f"{_NAME} logGroupClass",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "name",
    "aws:dms/certificate:Certificate": "certificateId certificatePem certificateWallet",
    "aws:dms/endpoint:Endpoint": "endpointId kmsKeyArn",
    "aws:dms/eventSubscription:EventSubscription": "name",
    "aws:dms/replicationInstance:ReplicationInstance": (
        "availabilityZone dnsNameServers kmsKeyArn publiclyAccessible replicationInstanceId replicationSubnetGroupId"
    ),
    "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup": "replicationSubnetGroupId",
    "aws:dms/replicationTask:ReplicationTask": (
        "replicationTaskId resourceIdentifier sourceEndpointArn targetEndpointArn"
    ),
    "aws:dynamodb/table:Table": "hashKey name rangeKey",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "vpcId",
    "aws:ec2/eip:Eip": "address customerOwnedIpv4Pool domain networkBorderGroup publicIpv4Pool",
    "aws:ec2/natGateway:NatGateway": _ADDRESS,
    "aws:ec2/route:Route": "destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId routeTableId",
    "aws:ec2/routeTable:RouteTable": "vpcId",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "gatewayId subnetId",
    "aws:ec2/securityGroup:SecurityGroup": f"{_NAME} description vpcId",
    "aws:ec2/securityGroupRule:SecurityGroupRule": f"{_GROUP_RULE} toPort type",
    "aws:ec2/subnet:Subnet": "availabilityZone availabilityZoneId cidrBlock ipv6Native outpostArn vpcId",
    "aws:ec2/vpc:Vpc": "cidrBlock ipv4IpamPoolId ipv4NetmaskLength",
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        "resourceConfigurationArn serviceName serviceNetworkArn serviceRegion vpcEndpointType vpcId"
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": "description family name",
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "atRestEncryptionEnabled dataTieringEnabled globalReplicationGroupId kmsKeyId networkType port "
        "replicationGroupId securityGroupNames snapshotArns snapshotName subnetGroupName"
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": "name",
    "aws:elasticache/user:User": "userId userName",
    "aws:elasticache/userGroup:UserGroup": "userGroupId",
    "aws:iam/policy:Policy": f"{_NAME} description path",
    "aws:iam/role:Role": f"{_NAME} path",
    "aws:iam/rolePolicy:RolePolicy": f"{_NAME} role",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn role",
    "aws:kinesis/stream:Stream": "name",
    "aws:kms/alias:Alias": _NAME,
    "aws:kms/key:Key": "customKeyStoreId customerMasterKeySpec keyUsage multiRegion xksKeyId",
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        "amazonManagedKafkaEventSourceConfig eventSourceArn queues selfManagedEventSource "
        "selfManagedKafkaEventSourceConfig startingPosition startingPositionTimestamp topics"
    ),
    "aws:lambda/function:Function": "name packageType tenancyConfig",
    "aws:lambda/invocation:Invocation": "functionName qualifier triggers",
    "aws:lambda/permission:Permission": (
        "action eventSourceToken function functionUrlAuthType invokedViaFunctionUrl principal principalOrgId qualifier "
        "sourceAccount sourceArn statementId statementIdPrefix"
    ),
    "aws:pipes/pipe:Pipe": (
        f"{_NAME} source sourceParameters.kinesisStreamParameters.startingPosition "
        "sourceParameters.kinesisStreamParameters.startingPositionTimestamp"
    ),
    "aws:rds/cluster:Cluster": (
        "availabilityZones clusterIdentifier clusterIdentifierPrefix clusterScalabilityType databaseName "
        "dbSubnetGroupName dbSystemId engine engineLifecycleSupport engineMode kmsKeyId masterUsername "
        "restoreToPointInTime snapshotIdentifier sourceRegion storageEncrypted"
    ),
    "aws:rds/clusterInstance:ClusterInstance": (
        "availabilityZone clusterIdentifier dbSubnetGroupName engine identifier identifierPrefix"
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": f"{_NAME} description family",
    "aws:rds/eventSubscription:EventSubscription": _NAME,
    "aws:rds/parameterGroup:ParameterGroup": f"{_NAME} description family",
    "aws:rds/subnetGroup:SubnetGroup": _NAME,
    "aws:scheduler/schedule:Schedule": f"{_NAME} groupName",
    "aws:secretsmanager/secret:Secret": _NAME,
    "aws:secretsmanager/secretPolicy:SecretPolicy": "secretArn",
    "aws:secretsmanager/secretVersion:SecretVersion": "secretBinary secretId secretString secretStringWoVersion",
    "aws:ses/domainIdentity:DomainIdentity": "domain",
    "aws:ses/emailIdentity:EmailIdentity": "email",
    "aws:sesv2/configurationSet:ConfigurationSet": "configurationSetName",
    "aws:sesv2/emailIdentity:EmailIdentity": "emailIdentity",
    "aws:sns/topic:Topic": f"{_NAME} fifoTopic",
    "aws:sns/topicPolicy:TopicPolicy": "arn",
    "aws:sns/topicSubscription:TopicSubscription": "endpoint protocol topic",
    "aws:sqs/queue:Queue": f"{_NAME} fifoQueue",
    "aws:sqs/queuePolicy:QueuePolicy": "queueUrl",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "queueUrl",
    "aws:sqs/redrivePolicy:RedrivePolicy": "queueUrl",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "securityGroupId",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "securityGroupId",
}

REPLACING: Mapping[str, frozenset[str]] = {token: frozenset(names.split()) for token, names in _TABLE.items()}


def _once(inputs: Mapping[str, Any]) -> frozenset[str]:
    return frozenset() if inputs.get("lifecycleScope") == "CRUD" else frozenset({"input"})


# Where it depends on another property (`CustomizeDiff` in the provider's source).
_DEPENDING: dict[str, Callable[[Mapping[str, Any]], frozenset[str]]] = {"aws:lambda/invocation:Invocation": _once}


def replacing(token: str, inputs: Mapping[str, Any]) -> frozenset[str]:
    """Give the properties of a type whose change makes a new resource, for these new inputs."""
    depending = _DEPENDING.get(token)
    more = depending(inputs) if depending is not None else frozenset()
    return REPLACING.get(token, frozenset()) | more | {"region"}
