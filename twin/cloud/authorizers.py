"""Authorizers of API Gateway REST APIs. Real in the emulator."""

from __future__ import annotations

from twin.cloud.context import Context, text
from twin.cloud.kind import Kind, Made, Request, Resource, outputs
from twin.cloud.rest_api import given, patches, reader
from twin.cloud.services import gone_is_fine

AUTHORIZER = {
    "name": "name",
    "authorizerUri": "authorizerUri",
    "authorizerCredentials": "authorizerCredentials",
    "identitySource": "identitySource",
    "identityValidationExpression": "identityValidationExpression",
    "authorizerResultTtlInSeconds": "authorizerResultTtlInSeconds",
    "providerArns": "providerARNs",
}
DEFAULT_IDENTITY = "method.request.header.Authorization"


def _create_authorizer(at: Context, request: Request) -> Made:
    inputs = request.inputs
    made = at.client("apigateway").create_authorizer(
        restApiId=text(inputs, "restApi"),
        type=inputs.get("type") or "TOKEN",
        **{"identitySource": DEFAULT_IDENTITY, **given(inputs, AUTHORIZER)},
    )
    return _authorizer(at, request, made["id"])


def _update_authorizer(at: Context, old: Resource, request: Request) -> Made:
    operations = patches(old.inputs, request.inputs, AUTHORIZER)
    if operations:
        at.client("apigateway").update_authorizer(
            restApiId=text(request.inputs, "restApi"), authorizerId=old.id, patchOperations=operations
        )
    return _authorizer(at, request, old.id)


def _authorizer(at: Context, request: Request, id_: str) -> Made:
    arn = f"arn:aws:apigateway:{at.region}::/restapis/{request.inputs['restApi']}/authorizers/{id_}"
    defaults = {"type": "TOKEN", "identitySource": DEFAULT_IDENTITY, "authorizerResultTtlInSeconds": 300}
    return Made(id_, outputs(at, {**defaults, **request.inputs}, arn=arn))


def _delete_authorizer(at: Context, resource: Resource) -> None:
    with gone_is_fine():
        api = text(resource.inputs, "restApi")
        at.client("apigateway").delete_authorizer(restApiId=api, authorizerId=resource.id)


KINDS = (
    Kind(
        typ="aws:apigateway/authorizer:Authorizer",
        create=_create_authorizer, update=_update_authorizer, delete=_delete_authorizer,
        named_by="name", name_limit=128, identity=frozenset(),
        exists=reader("get_authorizer", restApiId="restApi", authorizerId="id"),
    ),
)  # fmt: skip
