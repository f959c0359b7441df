"""The HTTP API: a REST API with one stage, a Lambda authorizer, and a usage plan that every caller counts to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.account import AccountSettings
from infra.credentials import Credentials
from infra.function import LambdaFunction
from infra.names import API_STAGE
from infra.problems import GatewayResponse, gateway_responses
from infra.shared import Shared
from infra.stage import Stage, StageArgs

_REALM = "orders"
_AUTHORIZATION = "method.request.header.Authorization"
# Anything else cannot be right, and is refused without a call of the authorizer.
_BASIC = "^[Bb][Aa][Ss][Ii][Cc] [A-Za-z0-9+/]+=*$"


@dataclass(frozen=True)
class Route:
    """One call of the API: `path` as in `/clients/{id}`."""

    method: str
    path: str
    function: LambdaFunction


@dataclass(frozen=True, kw_only=True)
class ApiArgs:
    """What the API is made of."""

    shared: Shared
    routes: Sequence[Route]
    authorizer: LambdaFunction
    credentials: Credentials
    account: AccountSettings


class Api(pulumi.ComponentResource):
    """The REST API, deployed anew when, and only when, one of its parts changes.

    Attributes:
        url: ends with the stage, without a slash.
    """

    rest_api: aws.apigateway.RestApi
    url: pulumi.Output[str]

    def __init__(self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:api:Api", name, None, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        config, names = args.shared.config, args.shared.names
        self.rest_api = aws.apigateway.RestApi(
            f"{name}-rest",
            name=config.api_name,
            description=f"Orders and clients of {names.prefix}",
            # The authorizer names the caller's key; callers send none.
            api_key_source="AUTHORIZER",
            endpoint_configuration=aws.apigateway.RestApiEndpointConfigurationArgs(types="REGIONAL"),
            opts=self._child,
        )
        self._resources: dict[str, pulumi.Output[str]] = {"": self.rest_api.root_resource_id}
        self._parts: list[pulumi.Resource] = []
        authorizer = self._authorizer()
        for route in args.routes:
            self._route(route, authorizer)
        responses = gateway_responses(_REALM)
        for response in responses:
            self._gateway_response(response)
        stage = Stage(
            f"{name}-{API_STAGE}",
            StageArgs(
                shared=args.shared,
                rest_api=self.rest_api,
                deployment=self._deployment(authorizer, responses),
                api_key=args.credentials.api_key,
                log_role=args.account.api_logs,
            ),
            self._child,
        )
        self.url = stage.url
        self.register_outputs({"url": self.url})

    def _authorizer(self) -> aws.apigateway.Authorizer:
        function = self._args.authorizer
        authorizer = aws.apigateway.Authorizer(
            f"{self._name}-authorizer",
            name="basic",
            rest_api=self.rest_api.id,
            type="TOKEN",
            authorizer_uri=function.invoke_arn,
            identity_source=_AUTHORIZATION,
            identity_validation_expression=_BASIC,
            authorizer_result_ttl_in_seconds=self._args.shared.config.authorizer_cache_seconds,
            opts=self._child,
        )
        self._permit("authorizer", function, pulumi.Output.concat("authorizers/", authorizer.id))
        self._parts.append(authorizer)
        return authorizer

    def _route(self, route: Route, authorizer: aws.apigateway.Authorizer) -> None:
        label = f"{route.method}-{route.path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}".lower()
        method = aws.apigateway.Method(
            f"{self._name}-{label}",
            rest_api=self.rest_api.id,
            resource_id=self._resource(route.path),
            http_method=route.method,
            authorization="CUSTOM",
            authorizer_id=authorizer.id,
            api_key_required=self._args.shared.config.api_key_required,
            request_parameters={f"method.request.path.{part}": True for part in _parameters(route.path)},
            opts=self._child,
        )
        integration = aws.apigateway.Integration(
            f"{self._name}-{label}-integration",
            rest_api=self.rest_api.id,
            resource_id=method.resource_id,
            http_method=method.http_method,
            type="AWS_PROXY",
            integration_http_method="POST",
            uri=route.function.invoke_arn,
            # A little more than the function has, so that the function's own answer is the one given.
            timeout_milliseconds=min(29000, route.function.timeout * 1000 + 500),
            opts=self._child,
        )
        path = "/".join("*" if part.startswith("{") else part for part in route.path.strip("/").split("/"))
        self._permit(label, route.function, f"{API_STAGE}/{route.method}/{path}")
        self._parts += [method, integration]

    def _resource(self, path: str) -> pulumi.Output[str]:
        path = path.rstrip("/")
        if path not in self._resources:
            parent, _, part = path.rpartition("/")
            label = path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
            resource = aws.apigateway.Resource(
                f"{self._name}-{label}",
                rest_api=self.rest_api.id,
                parent_id=self._resource(parent),
                path_part=part,
                opts=self._child,
            )
            self._resources[path] = resource.id
        return self._resources[path]

    def _permit(self, label: str, function: LambdaFunction, what: pulumi.Input[str]) -> None:
        aws.lambda_.Permission(
            f"{self._name}-{label}-permission",
            action="lambda:InvokeFunction",
            function=function.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(self.rest_api.execution_arn, "/", what),
            opts=self._child,
        )

    def _gateway_response(self, response: GatewayResponse) -> None:
        self._parts.append(
            aws.apigateway.Response(
                f"{self._name}-{response.kind.lower().replace('_', '-')}",
                rest_api_id=self.rest_api.id,
                response_type=response.kind,
                status_code=None if response.status is None else str(response.status),
                response_parameters=response.parameters,
                response_templates={"application/json": response.template},
                opts=self._child,
            )
        )

    def _deployment(
        self, authorizer: aws.apigateway.Authorizer, responses: Sequence[GatewayResponse]
    ) -> aws.apigateway.Deployment:
        routes = [[route.method, route.path, route.function.timeout] for route in self._args.routes]
        definition = [
            routes,
            [[response.kind, response.status, response.parameters, response.template] for response in responses],
            [self._args.shared.config.api_key_required, self._args.shared.config.authorizer_cache_seconds, _BASIC],
        ]
        targets = [route.function.invoke_arn for route in self._args.routes]
        version = pulumi.Output.all(authorizer.id, self._args.authorizer.invoke_arn, *targets).apply(
            lambda found: hashlib.sha256(json.dumps([definition, found]).encode()).hexdigest()
        )
        return aws.apigateway.Deployment(
            f"{self._name}-deployment",
            rest_api=self.rest_api.id,
            triggers={"definition": version},
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._parts),
        )


def _parameters(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]
