"""A REST API of every kind of part, called over HTTP the way a client calls it."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pulumi
import pytest

from tests.twin.cloud.conftest import Archive
from tests.twin.cloud.documents import RUNTIME, allow
from twin.cloud import Cloud, InputError
from twin.emulator import Emulator

SOURCE = """
import base64, json

def handle(event, context):
    return {"statusCode": 200, "body": json.dumps({"user": event["requestContext"]["authorizer"]["principalId"]})}

def authorize(event, context):
    user = base64.b64decode(event["authorizationToken"].removeprefix("Basic ")).decode().partition(":")[0]
    if user != "bob":
        raise Exception("Unauthorized")
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {"principalId": user, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


class Api:
    """A small API: POST /orders with an authorizer."""

    def __init__(self, cloud: Cloud, role: dict[str, Any], archive: Archive) -> None:
        self.cloud = cloud
        code = {"code": pulumi.FileArchive(str(archive(SOURCE))), "runtime": RUNTIME, "role": role["arn"]}
        function = cloud.create("aws:lambda/function:Function", "f", {**code, "handler": "handler.handle"})
        authorizer = cloud.create("aws:lambda/function:Function", "a", {**code, "handler": "handler.authorize"})
        self.api = self.make("restApi", "OrdersAPI", endpointConfiguration={"types": "REGIONAL"})
        self.of = {"restApi": self.api.id}
        resource = self.make(
            "resource", "orders", **self.of, parentId=self.api.outputs["rootResourceId"], pathPart="orders"
        )
        self.authorizer = self.make(
            "authorizer",
            "basic",
            **self.of,
            authorizerUri=authorizer.outputs["invokeArn"],
            authorizerResultTtlInSeconds=300,
        )
        self.method = {**self.of, "resourceId": resource.id, "httpMethod": "POST"}
        self.put_method()
        self.make(
            "integration", "orders", **self.method, type="AWS_PROXY", integrationHttpMethod="POST",
            uri=function.outputs["invokeArn"], timeoutMilliseconds=10_000,
        )  # fmt: skip
        self.make(
            "response", "unauthorized", restApiId=self.api.id, responseType="UNAUTHORIZED", statusCode="401",
            responseParameters={"gatewayresponse.header.WWW-Authenticate": "'Basic'"},
            responseTemplates={"application/json": '{"status": 401}'},
        )  # fmt: skip
        deployment = self.make("deployment", "now", **self.of, triggers={"version": "1"})
        self.stage = self.make("stage", "prod", **self.of, deployment=deployment.id, stageName="prod")

    def make(self, part: str, name: str, /, **inputs: Any) -> Any:
        """Make one part."""
        return self.cloud.create(f"aws:apigateway/{part}:{part[0].upper()}{part[1:]}", name, inputs)

    def put_method(self, **more: Any) -> None:
        """Make the method, or change it."""
        self.make("method", "orders", **self.method, authorization="CUSTOM", authorizerId=self.authorizer.id, **more)

    def post(self, user: str = "bob", **headers: str) -> httpx.Response:
        """Call it."""
        credentials = base64.b64encode(f"{user}:secret".encode()).decode()
        url = f"{self.stage.outputs['invokeUrl']}/orders"
        return httpx.post(url, json={}, headers={"Authorization": f"Basic {credentials}", **headers}, trust_env=False)


@pytest.fixture
def api(cloud: Cloud, role: dict[str, Any], archive: Archive) -> Api:
    """A deployed API."""
    return Api(cloud, role, archive)


def test_a_call_passes_the_authorizer_to_the_function(api: Api) -> None:
    answer = api.post()
    assert (answer.status_code, answer.json()) == (200, {"user": "bob"})


def test_a_refused_call_gets_the_gateway_response(api: Api) -> None:
    answer = api.post("mallory")
    assert (answer.status_code, answer.json()) == (401, {"status": 401})
    assert answer.headers["WWW-Authenticate"] == "Basic"


def test_the_address_is_on_loopback_and_ends_with_the_stage(api: Api, emulator: Emulator) -> None:
    url = api.stage.outputs["invokeUrl"]
    assert url.startswith(emulator.endpoint)
    assert url.endswith("/prod")


def test_a_changed_method_keeps_its_integration(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    assert api.post().status_code == 403
    key = api.make("apiKey", "k")
    plan = api.make("usagePlan", "p", apiStages=[{"apiId": api.api.id, "stage": "prod"}])
    api.make("usagePlanKey", "pk", keyId=key.id, keyType="API_KEY", usagePlanId=plan.id)
    assert api.post(**{"x-api-key": key.outputs["value"]}).status_code == 200


def test_the_usage_plan_throttles_and_its_limit_can_be_raised(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    key = api.make("apiKey", "k", value="a-key-of-more-than-20-letters")
    stages = [{"apiId": api.api.id, "stage": "prod"}]
    plan = api.make("usagePlan", "p", apiStages=stages, throttleSettings={"burstLimit": 1, "rateLimit": 0.001})
    api.make("usagePlanKey", "pk", keyId=key.id, keyType="API_KEY", usagePlanId=plan.id)
    header = {"x-api-key": key.outputs["value"]}
    assert [api.post(**header).status_code for _ in range(2)] == [200, 429]
    api.make("usagePlan", "p", apiStages=stages, throttleSettings={"burstLimit": 1000, "rateLimit": 100_000})
    assert {api.post(**header).status_code for _ in range(5)} <= {200, 429}
    assert api.post(**header).status_code == 200


@pytest.mark.parametrize(
    ("path", "expected"), [("*/*", [200, 429]), ("orders/POST", [200, 429]), ("other/GET", [200, 200])]
)
def test_method_settings_throttle_the_methods_they_name(api: Api, path: str, expected: list[int]) -> None:
    settings = {"throttlingBurstLimit": 1, "throttlingRateLimit": 0.001}
    made = api.make("methodSettings", "s", **api.of, stageName="prod", methodPath=path, settings=settings)
    assert [api.post().status_code for _ in range(2)] == expected
    api.cloud.delete("aws:apigateway/methodSettings:MethodSettings", made.id, made.outputs)
    assert api.post().status_code == 200


def test_a_new_deployment_moves_the_stage(api: Api, emulator: Emulator) -> None:
    newer = api.make("deployment", "now", **api.of, triggers={"version": "2"})
    api.make("stage", "prod", **api.of, deployment=newer.id, stageName="prod", variables={"a": "b"})
    stage = emulator.client("apigateway").get_stage(restApiId=api.api.id, stageName="prod")
    assert (stage["deploymentId"], stage["variables"]) == (newer.id, {"a": "b"})
    assert api.post().status_code == 200


@pytest.mark.parametrize(
    ("part", "inputs", "said"),
    [
        ("authorizer", {"authorizerUri": "u", "authorizerResultTtlInSeconds": 3601}, "AWS takes 0 to 3600"),
        ("integration", {"type": "AWS_PROXY", "integrationHttpMethod": "GET", "uri": "arn:aws:lambda:f"}, "with POST"),
        ("integration", {"type": "LAMBDA"}, "type is 'LAMBDA'; it must be one of"),
        ("method", {"authorization": "CUSTOM"}, "needs authorizerId"),
    ],
)
def test_what_api_gateway_refuses_is_refused(api: Api, part: str, inputs: dict[str, Any], said: str) -> None:
    where = api.of if part == "authorizer" else api.method
    with pytest.raises(InputError, match=said):
        api.make(part, "wrong", **where, **inputs)


def test_all_of_it_can_be_deleted_twice(api: Api, emulator: Emulator) -> None:
    resources = api.cloud.state.all()
    for _ in range(2):
        for resource in reversed(resources):
            api.cloud.delete(resource.typ, resource.id, resource.outputs, urn=resource.key)
    assert api.cloud.state.all() == []
    assert api.api.id not in [one["id"] for one in emulator.client("apigateway").get_rest_apis()["items"]]


def test_further_parts_are_made(api: Api, role: dict[str, Any]) -> None:
    api.make("account", "account", cloudwatchRoleArn=role["arn"])
    api.make("requestValidator", "v", **api.of, validateRequestBody=True)
    model = api.make(
        "model", "order", **api.of, name="Order", contentType="application/json", schema='{"type": "object"}'
    )
    assert model.outputs["name"] == "Order"
    assert allow("a")
