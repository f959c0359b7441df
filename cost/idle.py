"""What a stack costs in a month in which nobody orders anything, from the resources that the program declares."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cost.errors import UnknownTypeError
from cost.prices import Line, line
from policy.graph import Graph, Resource
from policy.metrics import cache_nodes

HOURS = 730
_DAY_HOURS = 24
# Storage that the price of a DMS instance includes, in GB ("AWS DMS pricing").
_DMS_INCLUDED = {"t2": 50, "t3": 50}
_DMS_INCLUDED_ELSE = 100
# Lambda keeps five long polls of 20 s open on a queue with nothing in it ("Using Lambda with Amazon SQS").
_POLLS = 5 * 3600 // 20 * HOURS
# Data of a database that has seen few orders, in GB.
_SMALL_DATABASE = 1

# Types that cost nothing by themselves, and why.
FREE = {
    **dict.fromkeys(
        (
            *("aws:apigateway/account:Account", "aws:apigateway/apiKey:ApiKey", "aws:apigateway/authorizer:Authorizer"),
            *("aws:apigateway/deployment:Deployment", "aws:apigateway/integration:Integration"),
            *("aws:apigateway/method:Method", "aws:apigateway/methodSettings:MethodSettings"),
            *("aws:apigateway/resource:Resource", "aws:apigateway/response:Response"),
            *("aws:apigateway/restApi:RestApi", "aws:apigateway/stage:Stage"),
            *("aws:apigateway/usagePlan:UsagePlan", "aws:apigateway/usagePlanKey:UsagePlanKey"),
        ),
        "API Gateway counts calls",
    ),
    **dict.fromkeys(
        (
            *("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"),
            *("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/flowLog:FlowLog"),
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        ),
        "the network costs by its endpoints and its logs",
    ),
    **dict.fromkeys(
        ("aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
        "IAM costs nothing",
    ),
    **dict.fromkeys(
        (
            *("aws:lambda/function:Function", "aws:lambda/invocation:Invocation", "aws:lambda/permission:Permission"),
            "aws:scheduler/schedule:Schedule",
        ),
        "Lambda and Scheduler count calls; those of the deployment and of schedules are few",
    ),
    **dict.fromkeys(
        (
            *("aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy", "aws:sns/topicSubscription:TopicSubscription"),
            *("aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"),
            *("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "aws:pipes/pipe:Pipe"),
            *("aws:sesv2/configurationSet:ConfigurationSet", "aws:sesv2/emailIdentity:EmailIdentity"),
            "aws:dynamodb/table:Table",
        ),
        "counts messages, requests or mails",
    ),
    **dict.fromkeys(
        (
            *("aws:rds/clusterParameterGroup:ClusterParameterGroup", "aws:rds/subnetGroup:SubnetGroup"),
            *("aws:elasticache/subnetGroup:SubnetGroup", "aws:elasticache/user:User"),
            *("aws:elasticache/userGroup:UserGroup", "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup"),
            *("aws:dms/endpoint:Endpoint", "aws:dms/replicationTask:ReplicationTask"),
            *("aws:kms/alias:Alias", "aws:secretsmanager/secretVersion:SecretVersion"),
            "aws:cloudwatch/logGroup:LogGroup",
        ),
        "belongs to something that has a price, or costs by what is written to it",
    ),
}


def _capacity(graph: Graph, found: Resource) -> list[Line]:
    cluster = graph.one("rds/cluster:Cluster")
    least = Decimal(str(cluster.inputs["serverlessv2ScalingConfiguration"]["minCapacity"]))
    return [line("Aurora, smallest capacity", least * HOURS, "aurora.acu")]


def _cluster(graph: Graph, found: Resource) -> list[Line]:
    lines = [line("Aurora, storage", _SMALL_DATABASE, "aurora.storage")]
    # RDS makes a secret of the master user's login.
    return [*lines, line("Secrets", 1, "secret")] if found.inputs.get("manageMasterUserPassword") else lines


def _replication(graph: Graph, found: Resource) -> list[Line]:
    name = str(found.inputs["replicationInstanceClass"])
    included = _DMS_INCLUDED.get(name.split(".")[1], _DMS_INCLUDED_ELSE)
    copies = 2 if found.inputs.get("multiAz") else 1
    more = max(0, int(found.inputs["allocatedStorage"]) - included)
    return [
        line(f"DMS instance, {name}", HOURS * copies, name),
        *([line("DMS, storage beyond what is included", more * copies, "dms.storage")] if more else []),
    ]


def _stream(graph: Graph, found: Resource) -> list[Line]:
    if found.inputs["streamModeDetails"]["streamMode"] == "ON_DEMAND":
        return [line("Kinesis stream, on demand", HOURS, "kinesis.stream")]
    shards = int(found.inputs["shardCount"])
    lines = [line("Kinesis stream, shards", shards * HOURS, "kinesis.shard")]
    if int(found.inputs["retentionPeriod"]) > _DAY_HOURS:
        lines.append(line("Kinesis stream, kept longer than a day", shards * HOURS, "kinesis.retention.shard"))
    return lines


def _endpoint(graph: Graph, found: Resource) -> list[Line]:
    if found.inputs["vpcEndpointType"] != "Interface":
        return []
    return [line("Endpoints of the network", len(found.inputs["subnetIds"]) * HOURS, "endpoint")]


def _cache(graph: Graph, found: Resource) -> list[Line]:
    name = str(found.inputs["nodeType"])
    return [line(f"ElastiCache nodes, {name}", len(cache_nodes(found)) * HOURS, name)]


def _each(what: str, key: str) -> Callable[[Graph, Resource], list[Line]]:
    return lambda graph, found: [line(what, 1, key)]


def _polling(graph: Graph, found: Resource) -> list[Line]:
    return [line("Lambda asking empty queues", Decimal(_POLLS) / 1_000_000, "sqs")]


PRICED: dict[str, Callable[[Graph, Resource], list[Line]]] = {
    "aws:rds/cluster:Cluster": _cluster,
    "aws:rds/clusterInstance:ClusterInstance": _capacity,
    "aws:dms/replicationInstance:ReplicationInstance": _replication,
    "aws:kinesis/stream:Stream": _stream,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:secretsmanager/secret:Secret": _each("Secrets", "secret"),
    "aws:kms/key:Key": _each("KMS key", "kms.key"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _each("Alarms", "alarm"),
    "aws:cloudwatch/dashboard:Dashboard": _each("Dashboard", "dashboard"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _polling,
}


def idle(graph: Graph) -> list[Line]:
    """Price a month of the stack as it stands, one line for each kind of thing.

    Raises:
        UnknownTypeError: a type is neither priced nor known to be free.
        NoPriceError: the table lacks a size that the stack uses.
    """
    found: dict[tuple[str, str], Line] = {}
    order = list(PRICED)
    resources = [one for one in graph.resources if one.type.startswith("aws:")]
    unknown = {one.type for one in resources} - set(PRICED) - set(FREE)
    if unknown:
        raise UnknownTypeError(
            f"Nothing says what {', '.join(sorted(unknown))} cost: add them to PRICED or FREE in cost/idle.py."
        )
    for one in sorted(resources, key=lambda each: order.index(each.type) if each.type in PRICED else -1):
        for new in PRICED[one.type](graph, one) if one.type in PRICED else []:
            key = (new.what, new.price.key)
            known = found.get(key)
            found[key] = new if known is None else Line(new.what, known.quantity + new.quantity, new.price)
    return list(found.values())
