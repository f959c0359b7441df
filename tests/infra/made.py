"""What AWS adds to a resource: an id and an ARN of the form that the service gives them, and what only some have.

The forms matter: the API models and the service authorization reference are held against them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

ACCOUNT = "111122223333"
PARTITION = "aws"

# What the id starts with, where it is no name; 17 hexadecimal digits follow.
_IDS = {
    "aws:ec2/vpc:Vpc": "vpc-",
    "aws:ec2/subnet:Subnet": "subnet-",
    "aws:ec2/securityGroup:SecurityGroup": "sg-",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "sg-",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce-",
    "aws:ec2/flowLog:FlowLog": "fl-",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "sgr-",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "sgr-",
}
# Service, and what follows the account ("Service Authorization Reference", resource types).
_ARNS = {
    "aws:apigateway/restApi:RestApi": "apigateway:/restapis/{id}",
    "aws:apigateway/stage:Stage": "apigateway:/restapis/api/stages/{name}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:log-group:{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:alarm:{name}",
    "aws:dynamodb/table:Table": "dynamodb:table/{name}",
    "aws:dms/endpoint:Endpoint": "dms:endpoint:{HEX}",
    "aws:dms/replicationInstance:ReplicationInstance": "dms:rep:{HEX}",
    "aws:dms/replicationTask:ReplicationTask": "dms:task:{HEX}",
    "aws:elasticache/replicationGroup:ReplicationGroup": "elasticache:replicationgroup:{name}",
    "aws:elasticache/user:User": "elasticache:user:{name}",
    "aws:elasticache/userGroup:UserGroup": "elasticache:usergroup:{name}",
    "aws:iam/role:Role": "iam:role/{name}",
    "aws:iam/policy:Policy": "iam:policy/{name}",
    "aws:kinesis/stream:Stream": "kinesis:stream/{name}",
    "aws:kms/key:Key": "kms:key/{uuid}",
    "aws:lambda/function:Function": "lambda:function:{name}",
    "aws:pipes/pipe:Pipe": "pipes:pipe/{name}",
    "aws:rds/cluster:Cluster": "rds:cluster:{name}",
    "aws:rds/clusterInstance:ClusterInstance": "rds:db:{name}",
    "aws:scheduler/schedule:Schedule": "scheduler:schedule/default/{name}",
    "aws:secretsmanager/secret:Secret": "secretsmanager:secret:{name}-{suffix}",
    "aws:sesv2/configurationSet:ConfigurationSet": "ses:configuration-set/{name}",
    "aws:sesv2/emailIdentity:EmailIdentity": "ses:identity/{name}",
    "aws:sns/topic:Topic": "sns:{name}",
    "aws:sqs/queue:Queue": "sqs:{name}",
}
_GLOBAL = ("iam",)
_NAMES = (
    *("name", "namePrefix", "clusterIdentifier", "identifier", "replicationGroupId", "userId", "userGroupId"),
    *("stageName", "configurationSetName", "emailIdentity"),
)


def made(kind: str, name: str, inputs: Mapping[str, Any], region: str) -> tuple[str, dict[str, Any]]:
    """Give the id and the outputs of a resource, the inputs not among them."""
    digits = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()
    physical = next((str(inputs[key]) for key in _NAMES if inputs.get(key)), name)
    id_ = f"{_IDS[kind]}{digits[:17]}" if kind in _IDS else f"{name}-id"
    service, _, rest = _ARNS.get(kind, f"{kind.split(':')[1].split('/')[0]}:{{name}}").partition(":")
    uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
    resource = rest.format(id=id_, name=physical, HEX=digits[:26].upper(), uuid=uuid, suffix=digits[:6])
    arn = f"arn:{PARTITION}:{service}:{'' if service in _GLOBAL else region}:{ACCOUNT}:{resource}"
    return id_, {"arn": arn, **_special(kind, name, physical, arn, region), **_endpoint(kind, physical, inputs)}


def _endpoint(kind: str, physical: str, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Where a cache is reached: with cluster mode on, which takes a parameter group of its own, in another way."""
    if not kind.endswith(":ReplicationGroup"):
        return {}
    if str(inputs.get("parameterGroupName")).endswith(".cluster.on"):
        return {"configurationEndpointAddress": f"clustercfg.{physical}.cache.example"}
    return {"primaryEndpointAddress": f"{physical}.cache.example"}


def _special(kind: str, name: str, physical: str, arn: str, region: str) -> dict[str, Any]:
    """What only some resources have."""
    secret = f"arn:{PARTITION}:secretsmanager:{region}:{ACCOUNT}:secret:rds!cluster-0a1b2c3d-AbCdEf"
    invoke = f"arn:{PARTITION}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    special: dict[str, dict[str, Any]] = {
        "aws:rds/cluster:Cluster": {
            "clusterResourceId": "cluster-RESOURCE",
            "endpoint": f"{physical}.cluster.example",
            "masterUserSecrets": [{"secretArn": secret}],
        },
        "aws:dms/endpoint:Endpoint": {"endpointArn": arn},
        "aws:dms/replicationInstance:ReplicationInstance": {"replicationInstanceArn": arn},
        "aws:dms/replicationTask:ReplicationTask": {"replicationTaskArn": arn},
        "aws:sqs/queue:Queue": {"url": f"https://sqs.{region}.example/{ACCOUNT}/{physical}"},
        "aws:lambda/function:Function": {"invokeArn": invoke},
        "aws:lambda/invocation:Invocation": {"result": "{}"},
        "aws:apigateway/restApi:RestApi": {
            "rootResourceId": "root",
            "executionArn": f"arn:{PARTITION}:execute-api:{region}:{ACCOUNT}:a1b2c3d4e5",
        },
        "aws:apigateway/stage:Stage": {"invokeUrl": f"https://api.execute-api.{region}.example/prod"},
        "aws:sesv2/emailIdentity:EmailIdentity": {"dkimSigningAttributes": {"tokens": ["one", "two", "three"]}},
        "aws:kms/key:Key": {"keyId": arn.rpartition("/")[2]},
        "random:index/randomPassword:RandomPassword": {"result": f"password-of-{name}"},
        "random:index/randomId:RandomId": {"hex": "0a1b2c3d"},
    }
    return special.get(kind, {})
