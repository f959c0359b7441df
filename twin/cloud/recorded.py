"""Resources that carry no data: their inputs are kept, their ids and ARNs are plausible.

Every type of every service lands here that is not in `registry` and whose
service moves no data of the program (`carries_data`). The table adds what
programs read from such resources beyond id and ARN.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twin.cloud.context import Context
from twin.cloud.kind import Kind, Made, Request, Resource, outputs
from twin.cloud.names import lower_name

# What a template of an id may hold beside properties.
FIXED = frozenset({"hex", "HEX", "uuid", "id"})
Computed = Callable[[Context, Request, str], dict[str, Any]]


@dataclass(frozen=True)
class Shape:
    """How a recorded type's id and ARN look.

    Args:
        id: template of the id: `{hex}` (17 digits), `{HEX}` (26, upper case), `{uuid}`, or a property in braces.
        arn: template of the part of the ARN after the account, with `{id}` or a property; None for no ARN.
        service: service in the ARN; None takes the one in the token.
        arn_property: output that holds the ARN.
        named_by: property that is filled in when the program leaves it out.
        computed: further outputs.
        regional: whether the ARN names the region.
    """

    id: str
    arn: str | None = None
    service: str | None = None
    arn_property: str = "arn"
    named_by: str | None = None
    computed: Computed = field(default=lambda at, request, id_: {})
    regional: bool = True


def _key(at: Context, request: Request, id_: str) -> dict[str, Any]:
    return {"keyId": id_, "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": True, "multiRegion": False}


def _alias(at: Context, request: Request, id_: str) -> dict[str, Any]:
    target = str(request.inputs.get("targetKeyId") or "")
    arn = target if target.startswith("arn:") else at.arn("kms", f"key/{target}")
    return {"targetKeyArn": arn}


def _vpc(at: Context, request: Request, id_: str) -> dict[str, Any]:
    digits = request.hex(17)
    return {
        "ownerId": at.account,
        "defaultSecurityGroupId": f"sg-{digits}",
        "defaultRouteTableId": f"rtb-{digits}",
        "defaultNetworkAclId": f"acl-{digits}",
        "mainRouteTableId": f"rtb-{digits}",
        "dhcpOptionsId": f"dopt-{digits}",
    }


def _endpoint(at: Context, request: Request, id_: str) -> dict[str, Any]:
    service = str(request.inputs.get("serviceName") or "")
    name = f"{id_}.{service.rsplit('.', 1)[-1]}.{at.region}.vpce.amazonaws.com"
    return {
        "dnsEntries": [{"dnsName": name, "hostedZoneId": f"Z{request.hex(12).upper()}"}],
        "networkInterfaceIds": [f"eni-{request.hex(17)}"],
        "prefixListId": f"pl-{request.hex(8)}",
        "cidrBlocks": [],
        "state": "available",
        "ownerId": at.account,
    }


def _owned(at: Context, request: Request, id_: str) -> dict[str, Any]:
    return {"ownerId": at.account}


def _rule(at: Context, request: Request, id_: str) -> dict[str, Any]:
    return {"securityGroupRuleId": id_}


def _address(at: Context, request: Request, id_: str) -> dict[str, Any]:
    # From the block for documentation (RFC 5737): nothing answers there.
    return {"allocationId": id_, "publicIp": f"203.0.113.{int(request.hex(2), 16)}"}


SHAPES: dict[str, Shape] = {
    "aws:cloudwatch/dashboard:Dashboard": Shape(
        "{dashboardName}", "dashboard/{id}", regional=False, arn_property="dashboardArn", named_by="dashboardName"
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Shape("{alarmName}", "alarm:{id}", named_by="alarmName"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Shape("{name}", "alarm:{id}", named_by="name"),
    "aws:dms/certificate:Certificate": Shape("{certificateId}", "cert:{HEX}", arn_property="certificateArn"),
    "aws:dms/replicationInstance:ReplicationInstance": Shape(
        "{replicationInstanceId}", "rep:{HEX}", arn_property="replicationInstanceArn",
        computed=lambda at, request, id_: {"replicationInstancePrivateIps": ["10.0.0.10"]},
    ),
    "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup": Shape(
        "{replicationSubnetGroupId}", "subgrp:{id}", arn_property="replicationSubnetGroupArn"
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Shape("sg-{hex}", "security-group/{id}", computed=_owned),
    "aws:ec2/eip:Eip": Shape("eipalloc-{hex}", "elastic-ip/{id}", computed=_address),
    "aws:ec2/internetGateway:InternetGateway": Shape("igw-{hex}", "internet-gateway/{id}", computed=_owned),
    "aws:ec2/natGateway:NatGateway": Shape("nat-{hex}"),
    "aws:ec2/route:Route": Shape("r-{hex}"),
    "aws:ec2/routeTable:RouteTable": Shape("rtb-{hex}", "route-table/{id}", computed=_owned),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Shape("rtbassoc-{hex}"),
    "aws:ec2/securityGroup:SecurityGroup": Shape("sg-{hex}", "security-group/{id}", named_by="name", computed=_owned),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Shape("sgrule-{hex}", computed=_rule),
    "aws:ec2/subnet:Subnet": Shape("subnet-{hex}", "subnet/{id}", computed=_owned),
    "aws:ec2/vpc:Vpc": Shape("vpc-{hex}", "vpc/{id}", computed=_vpc),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Shape("vpce-{hex}", "vpc-endpoint/{id}", computed=_endpoint),
    "aws:elasticache/parameterGroup:ParameterGroup": Shape("{name}", "parametergroup:{id}", named_by="name"),
    "aws:elasticache/subnetGroup:SubnetGroup": Shape("{name}", "subnetgroup:{id}", named_by="name"),
    "aws:elasticache/user:User": Shape("{userId}", "user:{id}"),
    "aws:elasticache/userGroup:UserGroup": Shape("{userGroupId}", "usergroup:{id}"),
    "aws:kms/alias:Alias": Shape("{name}", "{id}", named_by="name", computed=_alias),
    "aws:kms/key:Key": Shape("{uuid}", "key/{id}", computed=_key),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": Shape("{name}", "cluster-pg:{id}", named_by="name"),
    "aws:rds/parameterGroup:ParameterGroup": Shape("{name}", "pg:{id}", named_by="name"),
    "aws:rds/subnetGroup:SubnetGroup": Shape("{name}", "subgrp:{id}", named_by="name"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Shape(
        "sgr-{hex}", "security-group-rule/{id}", service="ec2", computed=_rule
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Shape(
        "sgr-{hex}", "security-group-rule/{id}", service="ec2", computed=_rule
    ),
}  # fmt: skip


def recorded(token: str) -> Kind:
    """Give the kind of a type whose inputs are only kept."""
    shape = SHAPES.get(token)
    if shape is None:
        type_name = token.rsplit(":", 1)[-1]
        shape = Shape(f"{lower_name(type_name)}-{{hex}}", f"{lower_name(type_name)}/{{id}}", named_by=None)

    def create(at: Context, request: Request) -> Made:
        return _made(at, request, shape, _fill(shape.id, request, ""))

    def update(at: Context, old: Resource, request: Request) -> Made:
        # An id that is a name follows the name; any other stays.
        named = shape.id.strip("{}") in request.inputs
        return _made(at, request, shape, _fill(shape.id, request, "") if named else old.id)

    names = re.fullmatch(r"\{(\w+)\}", shape.id)
    identity = frozenset({names[1]} if names and names[1] not in FIXED else ())
    return Kind(
        typ=token, create=create, update=update, coverage="recorded", named_by=shape.named_by, identity=identity
    )


def _made(at: Context, request: Request, shape: Shape, id_: str) -> Made:
    computed: dict[str, Any] = {}
    if shape.arn is not None:
        service = shape.service or request.typ.split(":")[1].split("/")[0]
        computed[shape.arn_property] = at.arn(service, _fill(shape.arn, request, id_), regional=shape.regional)
    return Made(id_, outputs(at, request.inputs, **computed, **shape.computed(at, request, id_)))


def _fill(template: str, request: Request, id_: str) -> str:
    digits = request.hex(64)
    fixed = {
        "hex": digits[:17],
        "HEX": digits[:26].upper(),
        "uuid": f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}",
        "id": id_,
    }

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return fixed[name] if name in fixed else str(request.inputs.get(name) or f"{request.name}-{digits[:7]}")

    return re.sub(r"\{(\w+)\}", value, template)
