"""What AWS would answer to the program, made up: an id and an ARN for all, and what only some have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

ACCOUNT = "111122223333"
PARTITION = "aws"


class Answers(pulumi.runtime.Mocks):
    """Answers as AWS would: what a resource is given comes back, with an id and what AWS adds."""

    def __init__(self, *, preview: bool, answers: Mapping[str, dict[str, Any]]) -> None:
        self._preview, self._answers = preview, answers
        self.invokes: list[tuple[str, dict[str, Any]]] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ.startswith("pulumi:providers:"):
            return f"{args.name}-id", dict(args.inputs)
        if self._preview:
            return None, dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, **_added(args.typ, args.name, args.inputs)}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        self.invokes.append((args.token, dict(args.args)))
        region = "eu-central-1"
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": [f"{region}{zone}" for zone in "abc"]},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getPartition:getPartition": {"partition": PARTITION},
            "aws:iam/getRoles:getRoles": {"names": [], "arns": []},
            **self._answers,
        }
        return answers[args.token], []


def _added(kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS adds to a resource: an ARN for all, and what only some have."""
    service = kind.split(":")[1].split("/")[0]
    physical = inputs.get("name") or inputs.get("clusterIdentifier") or inputs.get("replicationGroupId") or name
    arn = f"arn:{PARTITION}:{service}:eu-central-1:{ACCOUNT}:{physical}"
    if kind == "aws:rds/cluster:Cluster":
        arn = f"arn:{PARTITION}:rds:eu-central-1:{ACCOUNT}:cluster:{physical}"
    special: dict[str, dict[str, Any]] = {
        "aws:rds/cluster:Cluster": {
            "clusterResourceId": "cluster-RESOURCE",
            "endpoint": f"{physical}.cluster.example",
            "masterUserSecrets": [{"secretArn": f"arn:{PARTITION}:secretsmanager:eu-central-1:{ACCOUNT}:secret:rds"}],
        },
        "aws:dms/endpoint:Endpoint": {"endpointArn": arn},
        "aws:dms/replicationInstance:ReplicationInstance": {"replicationInstanceArn": arn},
        "aws:dms/replicationTask:ReplicationTask": {"replicationTaskArn": arn},
        "aws:elasticache/replicationGroup:ReplicationGroup": {"primaryEndpointAddress": f"{physical}.cache.example"},
        "aws:sqs/queue:Queue": {"url": f"https://sqs.eu-central-1.example/{ACCOUNT}/{physical}"},
        "aws:lambda/function:Function": {"invokeArn": f"arn:{PARTITION}:apigateway:path/{physical}/invocations"},
        "aws:lambda/invocation:Invocation": {"result": "{}"},
        "aws:apigateway/restApi:RestApi": {
            "rootResourceId": "root",
            "executionArn": f"arn:{PARTITION}:execute-api:eu-central-1:{ACCOUNT}:api",
        },
        "aws:apigateway/stage:Stage": {"invokeUrl": "https://api.execute-api.eu-central-1.example/prod"},
        "aws:kms/key:Key": {"keyId": "key-id"},
        "random:index/randomPassword:RandomPassword": {"result": f"password-of-{name}"},
        "random:index/randomId:RandomId": {"hex": "0a1b2c3d"},
    }
    return {"arn": arn, **special.get(kind, {})}
